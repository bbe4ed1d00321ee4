"""The simulator's HTTP server: the OEM cloud, the relay, and the control API."""
