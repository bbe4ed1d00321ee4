"""An alert rule: a kind of entry and the text of its message."""

from collections.abc import Callable

import msgspec

from keyturn.alerts.entries import Entry
from keyturn.alerts.message import Message, Origin
from keyturn.audit.kinds import former
from keyturn.clock import iso_time
from keyturn.printable import printable

CRITICAL, WARNING = "critical", "warning"
_LONGEST_FACT = 200
"""Characters of a fact that a message shows."""
Condition = Callable[[Entry], bool]


def _always(_entry: Entry) -> bool:
    return True


class Rule(msgspec.Struct, frozen=True):
    """A kind of entry. In each window the first `quiet` cause no alert, and those after `singly` share a digest."""

    kind: str
    severity: str
    subject: str
    text: str
    facts: tuple[str, ...] = ()
    """Members of the entry's body that the message may show."""
    condition: Condition = _always
    quiet: int = 0
    singly: int = 20


def build_message(rule: Rule, entry: Entry) -> Message:
    """The message about an entry."""
    return Message(
        id=f"{entry.seq}-{entry.at}",  # with the time: numbers repeat after a restore, and receivers drop known ids
        kind=former(entry.kind),  # the name that receivers expect
        severity=rule.severity,
        at=iso_time(entry.at),
        company=entry.company_id,
        subject=rule.subject,
        text="\n".join([rule.text, "", *_fact_lines(rule, entry)]),
        entry=Origin(entry.seq, entry.actor, entry.vehicle_id, entry.command_id),
    )


def _fact_lines(rule: Rule, entry: Entry) -> list[str]:
    ids = {
        "entry": entry.seq,
        "kind": entry.kind,
        "at": iso_time(entry.at),
        "company": entry.company_id or "the installation",
        "actor": entry.actor,
        "vehicle": entry.vehicle_id,
        "command": entry.command_id,
    }
    shown = {**ids, **{name: entry.body.get(name) for name in rule.facts if name not in ids}}
    return [
        f"{name}: {_printable_value(value)}" for name, value in shown.items() if isinstance(value, str | int | float)
    ]


def _printable_value(value: object) -> str:
    """On one line, without control characters, and cut."""
    return printable(str(value))[:_LONGEST_FACT]
