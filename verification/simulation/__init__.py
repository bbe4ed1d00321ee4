"""Deterministic simulation: the real command service, engine and store in virtual time, with faults at every step."""
