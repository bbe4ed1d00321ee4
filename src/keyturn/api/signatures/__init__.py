"""Verification of request signatures, version 1 and version 2."""
