"""What an alert is made of: a kind of entry, and the words that go with it."""

from collections.abc import Callable

import msgspec

from keyturn.alerts.entries import Entry

CRITICAL, WARNING = "critical", "warning"
Condition = Callable[[Entry], bool]


def _always(_entry: Entry) -> bool:
    return True


class Rule(msgspec.Struct, frozen=True):
    """One kind of entry. In every window the first `quiet` say nothing, and those after `singly` are told as one."""

    kind: str
    severity: str
    subject: str
    text: str
    facts: tuple[str, ...] = ()
    """Members of the entry's body that may be shown."""
    condition: Condition = _always
    quiet: int = 0
    singly: int = 20
