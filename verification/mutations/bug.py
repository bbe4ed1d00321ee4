"""What a deliberate bug is."""

from typing import NamedTuple


class Bug(NamedTuple):
    name: str
    file: str
    """Under ``src/keyturn``."""
    old: str
    new: str
    check: str
    """What the name of the check begins with."""
    test: str = ""
    """Where the simulation cannot see it: the test that does."""
    insiders: bool = False
    """Of those scenarios alone where somebody is in charge: one in twenty-five is."""
