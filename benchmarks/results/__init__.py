"""What the bench writes for other programs, and what is compared with the figures of the last release."""
