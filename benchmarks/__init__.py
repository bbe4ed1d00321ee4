"""The numbers that Keyturn promises, measured: ``python -m benchmarks`` prints them as one table."""
