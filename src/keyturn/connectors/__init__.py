"""Connectors: the port to OEM clouds and device gateways, the kinds there are, and the one that speaks HTTP."""
