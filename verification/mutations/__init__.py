"""Deliberate bugs, as text to replace in the product, each with the check that must notice it."""

from verification.mutations import direct, durability, insiders, judgement, pushing, rules, sealing, sending, time
from verification.mutations.bug import Bug

__all__ = ["BUGS", "Bug"]

BUGS: tuple[Bug, ...] = (
    *sending.BUGS,
    *direct.BUGS,
    *pushing.BUGS,
    *durability.BUGS,
    *sealing.BUGS,
    *judgement.BUGS,
    *rules.BUGS,
    *time.BUGS,
    *insiders.BUGS,
)
