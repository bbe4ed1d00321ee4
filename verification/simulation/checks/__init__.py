"""The invariants as functions of what a scenario left; each yields one sentence per violation."""
