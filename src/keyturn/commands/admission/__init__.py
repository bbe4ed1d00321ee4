"""Admits requests: checks 8 to 11b, confirmation codes, idempotency, registration, the service of the HTTP API."""
