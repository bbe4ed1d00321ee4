"""HTTP/1.1 server: listeners, TLS, connections with limits, and draining; it serves any ASGI application."""
