"""Bugs that somebody could make, as text to replace in the product, with the check that must notice each."""

from verification.mutations import durability, insiders, judgement, pushing, rules, sending, time
from verification.mutations.bug import Bug

__all__ = ["BUGS", "Bug"]

BUGS: tuple[Bug, ...] = (
    *sending.BUGS,
    *pushing.BUGS,
    *durability.BUGS,
    *judgement.BUGS,
    *rules.BUGS,
    *time.BUGS,
    *insiders.BUGS,
)
