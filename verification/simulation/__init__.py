"""Deterministic simulation: the real desk, engine and store in virtual time, with faults at every await and commit."""
