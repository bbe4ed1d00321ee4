"""Words of the command line that were renamed, by their former one; the former one still works.

`docs/upgrading.md` has the table. An operation keeps the name that is stored with proposed changes.
"""

VERBS = {"switch throw": "switch activate", "switch release": "switch deactivate"}
"""Noun and verb as they are now, by those before."""
OPTIONS = {"immobilised --sheet": "immobilised --emergency-sheet"}
"""Command and option as they are now, by those before."""


def names(operation: str) -> tuple[str, ...]:
    """The verbs that call an operation, the one to be shown first."""
    words = (VERBS.get(operation, operation), operation)
    return tuple(dict.fromkeys(word.split(" ")[1] for word in words))
