"""The numbers that Keyturn promises, measured: ``python -m bench`` prints them as one table."""
