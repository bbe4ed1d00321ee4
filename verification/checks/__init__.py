"""Checks of what both the simulation and the kill harness leave; each yields one sentence per violation."""
