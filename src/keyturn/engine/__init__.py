"""Drives commands from Queued to their final state: sending, following, verifying, recovery and periodic tasks."""
