"""The alert rules: which entries cause an alert, and its text."""

from collections.abc import Iterable

from keyturn.alerts import administration_rules
from keyturn.alerts.entries import Entry
from keyturn.alerts.rule import CRITICAL, WARNING, Rule
from keyturn.alerts.vehicle_rules import VEHICLE_RULES
from keyturn.audit.kinds import current
from keyturn.commands.model.catalogue import DISABLE


def _of_disable(entry: Entry) -> bool:
    return entry.command == DISABLE


RULES = (
    Rule(
        "limit.tripped",
        CRITICAL,
        "A safety limit has tripped",
        "Further commands of this kind are refused until an administrator lifts the stop.",
        ("rule", "allowed", "counted"),
    ),
    Rule(
        "switch.activated",
        CRITICAL,
        "An emergency switch was thrown",
        "Commands within its reach are refused until it is released.",
        ("scope", "scope_id", "reach", "ends_at", "approved_by"),
    ),
    Rule(
        "policy.loosened",
        CRITICAL,
        "A policy was loosened",
        "More is allowed now than before. If this was not agreed, tighten it again and ask the actor.",
        ("version",),
    ),
    Rule(
        "change.proposed",
        WARNING,
        "A guarded change was proposed",
        "It takes effect when its notice is over, which begins when it was proposed, or approved where that is needed. "
        "Any administrator in charge can withdraw it until then.",
        ("change", "operation", "needs", "effective_at"),
    ),
    Rule(
        "command.Unknown",
        CRITICAL,
        "The outcome of an immobilisation is unknown",
        "The vehicle may or may not be immobilised. Find out before you rely on either.",
        ("outcome", "cause"),
        _of_disable,
    ),
    Rule(
        "command.contradicted",
        CRITICAL,
        "The vehicle contradicts an immobilisation",
        "The OEM reported that the ignition was disabled; a newer reading of the vehicle contradicts it.",
        (),
        _of_disable,
    ),
    Rule(
        "immobilisation.reminder",
        WARNING,
        "A vehicle has been immobilised for long",
        "The immobilisation is still open. Enable the ignition, or confirm that it is still wanted.",
        ("hours", "state"),
    ),
    Rule(
        "clock.fault",
        CRITICAL,
        "The clock of the server was set",
        "Commands that act on vehicles wait until it is correct again, or accepted with keyturn clock accept.",
        ("seconds",),
    ),
    Rule(
        "clock.accepted",
        WARNING,
        "The clock of the server was accepted",
        "An operator confirmed its present time. If this was not agreed, correct the clock and ask the actor.",
        ("seconds", "wall"),
    ),
    Rule(
        "chain.fault",
        CRITICAL,
        "The audit record has a fault",
        "It does not verify, or cannot be sealed or shipped. Keep the database and its backups as they are.",
        ("about", "detail"),
    ),
    Rule(
        "store.restored",
        CRITICAL,
        "A backup was restored",
        "Everything after the backup is lost. If this was agreed, run: keyturn audit acknowledge EPOCH. "
        "If not, keep everything as it is, and find out who had access to the machine.",
        ("epoch", "made_at", "signature_verdict"),
    ),
    Rule(
        "backup.unverified",
        CRITICAL,
        "A backup without a good signature was restored",
        "It may not be what this installation wrote: rights, vehicles and records may have been tampered with. "
        "Compare them with what you know before you rely on them.",
        ("epoch", "signature_verdict", "digest"),
    ),
    Rule(
        "audit.acknowledged",
        WARNING,
        "A restore was acknowledged",
        "From now on verification accepts it.",
        ("epoch",),
    ),
    Rule(
        "backup.old",
        WARNING,
        "The newest backup is too old",
        "Make one with keyturn backup, and see why the usual one was not made.",
        ("newest_at",),
    ),
    Rule(
        "vehicle.identity_conflict",
        CRITICAL,
        "A vehicle may be another car",
        "Its OEM reports another VIN, or another vehicle has its external id. Only restoring commands are sent.",
        ("why",),
    ),
    Rule(
        "account.credentials_proven",
        WARNING,
        "Proposed credentials are used for restoring commands",
        "The OEM refuses the account's own; the proposed ones can read an immobilised vehicle. Other commands wait "
        "for the change.",
        ("account_id", "change"),
    ),
    Rule(
        "operator.sign_in_refused",
        WARNING,
        "Sign-in was refused repeatedly",
        "An attacker may be guessing an operator's password.",
        ("operator_id",),
        quiet=4,
        singly=5,
    ),
    *VEHICLE_RULES,
    *administration_rules.RULES,
)
KINDS = frozenset(rule.kind for rule in RULES)


def rule_for(entry: Entry, rules: Iterable[Rule] = RULES) -> Rule | None:
    """The first rule that matches the entry."""
    kind = current(entry.kind)
    return next((rule for rule in rules if current(rule.kind) == kind and rule.condition(entry)), None)
