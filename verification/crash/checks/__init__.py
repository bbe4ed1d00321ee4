"""The invariants as functions of what a run left; each yields one sentence per violation."""
