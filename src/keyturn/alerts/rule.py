"""What an alert is made of: a kind of entry, and the words that go with it."""

from collections.abc import Callable

import msgspec

from keyturn.alerts.entries import Entry
from keyturn.alerts.message import Message, Origin
from keyturn.audit.kinds import former
from keyturn.clock import iso_time
from keyturn.printable import printable

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


_LONGEST_FACT = 200


def message(rule: Rule, entry: Entry) -> Message:
    """What the administrators are told of an entry."""
    return Message(
        id=f"{entry.seq}-{entry.at}",  # after a restore the numbers begin again, and receivers drop what they have seen
        kind=former(entry.kind),  # receivers were made for it
        severity=rule.severity,
        at=iso_time(entry.at),
        company=entry.company_id,
        subject=rule.subject,
        text="\n".join([rule.text, "", *_lines(rule, entry)]),
        entry=Origin(entry.seq, entry.actor, entry.vehicle_id, entry.command_id),
    )


def _lines(rule: Rule, entry: Entry) -> list[str]:
    ids = {
        "entry": entry.seq,
        "kind": entry.kind,
        "at": iso_time(entry.at),
        "company": entry.company_id or "the installation",
        "actor": entry.actor,
        "vehicle": entry.vehicle_id,
        "command": entry.command_id,
    }
    told = {**ids, **{name: entry.body.get(name) for name in rule.facts if name not in ids}}
    return [f"{name}: {_shown(value)}" for name, value in told.items() if isinstance(value, str | int | float)]


def _shown(value: object) -> str:
    """On one line, whatever somebody wrote."""
    return printable(str(value))[:_LONGEST_FACT]
