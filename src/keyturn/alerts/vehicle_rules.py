"""Alert rules about vehicles, their records and their OEM accounts."""

from keyturn.alerts.entries import Entry
from keyturn.alerts.rule import CRITICAL, WARNING, Rule


def _by_hand(entry: Entry) -> bool:
    return "reason" in entry.body


def _by_operator(entry: Entry) -> bool:
    return entry.actor.startswith("operator:")


def _closes(entry: Entry) -> bool:
    return entry.body.get("active") is False


def _pointed_elsewhere(entry: Entry) -> bool:
    return not entry.body.keys().isdisjoint({"account", "external_id"})


def _account_touched(entry: Entry) -> bool:
    return bool(entry.body.get("credentials_replaced")) or "active" in entry.body


VEHICLE_RULES: tuple[Rule, ...] = (
    Rule(
        "switch.ended",
        WARNING,
        "An emergency switch has ended",
        "Restoring commands within its reach are let through again.",
        ("scope", "scope_id", "reach"),
    ),
    Rule(
        "immobilisation.closed",
        CRITICAL,
        "An immobilisation record was closed by hand",
        "Where it is held the vehicle may still be immobilised: it keeps counting until it is enabled. Ask the actor.",
        ("forced", "held"),
        _by_hand,
    ),
    Rule(
        "vehicle.changed",
        CRITICAL,
        "Commands for a vehicle go somewhere else",
        "Its OEM account or its name at the OEM was changed. See that it is the same vehicle.",
        (),
        _pointed_elsewhere,
    ),
    Rule(
        "vehicle.added",
        WARNING,
        "Vehicles were enrolled",
        "They are within reach of commands now.",
        singly=1,
    ),
    Rule(
        "consent.given",
        WARNING,
        "Consents to immobilisation were put on record",
        "Each counts from the given instant. If the end user gave none, withdraw it: that counts at once.",
        ("counts_from",),
        singly=1,
    ),
    Rule(
        "account.changed",
        CRITICAL,
        "The way to an OEM was changed",
        "Credentials of an OEM account were replaced, or it was deactivated or activated.",
        ("account_id", "credentials_replaced", "active"),
        _account_touched,
    ),
    Rule(
        "company.changed",
        CRITICAL,
        "A company was closed",
        "Its applications are refused. Vehicles that are immobilised are enabled with keyturn enable VIN --keep; "
        "to let the company in again takes its time.",
        ("immobilised",),
        _closes,
    ),
    Rule(
        "application.changed",
        CRITICAL,
        "An application was closed",
        "Its requests are refused. Vehicles that are immobilised are enabled with keyturn enable VIN --keep; to let it "
        "in again takes its time.",
        ("application_id", "immobilised"),
        _closes,
    ),
    Rule(
        "keep_enabling.ended",
        WARNING,
        "A vehicle is not enabled again and again any more",
        "An operator cancelled it. Its record stays open if the vehicle was not enabled.",
        ("ending", "issued"),
        _by_operator,
        singly=5,
    ),
)
