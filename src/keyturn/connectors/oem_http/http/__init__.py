"""HTTP requests to the OEM: built, authorized, written once, bounded and logged."""
