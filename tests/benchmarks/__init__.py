"""The bench itself: what it compares, and what it writes."""
