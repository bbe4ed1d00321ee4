"""Alert rules about operators, applications, policies and pending changes."""

from keyturn.alerts.entries import Entry
from keyturn.alerts.rule import CRITICAL, WARNING, Rule


def _by_operator(entry: Entry) -> bool:
    return entry.actor.startswith("operator:")


_ASK = "If this was not agreed, ask the actor, and deactivate what should not act."

RULES = (
    Rule(
        "operator.added",
        WARNING,
        "An operator was added",
        f"The operator sets a password with a one-time code. {_ASK}",
        ("operator_id", "role"),
    ),
    Rule(
        "operator.set",
        WARNING,
        "An operator was changed",
        f"Renamed, deactivated, given another role, or given other credentials. {_ASK}",
        ("operator_id", "role", "active", "credentials"),
    ),
    Rule(
        "operator.unwatched",
        CRITICAL,
        "An operator of the whole installation came by power from the shell",
        "Added, promoted or given credentials while the installation has no administrator. For a week the operator "
        f"cannot approve anything. {_ASK}",
        ("operator_id", "deed"),
    ),
    Rule(
        "application.added",
        WARNING,
        "An application was added",
        f"The holder of its secrets can send commands within its grants. {_ASK}",
        ("application_id",),
    ),
    Rule(
        "application.changed",
        WARNING,
        "An application was changed",
        f"Its grants, its name, its owner, or whether it is active. {_ASK}",
        ("application_id", "active", "signing"),
    ),
    Rule(
        "application.client_secret_rotated",
        WARNING,
        "The client secret of an application was replaced",
        f"The former one is no longer valid. {_ASK}",
        ("application_id",),
    ),
    Rule(
        "application.sign_secret_added",
        WARNING,
        "An application has a second sign-secret",
        f"Both are valid until the older one is retired. {_ASK}",
        ("application_id",),
    ),
    Rule(
        "application.sign_secret_retired",
        WARNING,
        "A sign-secret of an application was retired",
        f"Requests signed with it are refused. {_ASK}",
        ("application_id",),
    ),
    Rule(
        "company.changed",
        WARNING,
        "A company was changed",
        f"Renamed, closed or let in again. {_ASK}",
        ("active",),
    ),
    Rule(
        "change.withdrawn",
        WARNING,
        "A change was withdrawn",
        "It does not take effect. It can be proposed again.",
        ("change", "operation"),
    ),
    Rule(
        "change.extended",
        WARNING,
        "A change waits longer: an administrator cannot sign in",
        "Failed sign-ins have locked an administrator out. Check the change, and who tried to sign in.",
        ("change", "operation", "operator_id", "effective_at"),
    ),
    Rule(
        "policy.tightened",
        WARNING,
        "A policy was tightened",
        "Less is allowed now than before.",
        ("version",),
    ),
    Rule(
        "switch.deactivated",
        WARNING,
        "An emergency switch was released",
        "Commands within its reach are let through again.",
        ("scope", "scope_id", "reach"),
    ),
    Rule(
        "immobilisation.notice",
        WARNING,
        "A notice to an end user was recorded",
        "It satisfies a rule that requires a notice. It is in the record, with its author.",
        ("channel",),
    ),
    Rule(
        "keep_enabling.started",
        WARNING,
        "A vehicle is enabled again and again",
        "Until it is confirmed, or an operator ends it.",
    ),
    Rule(
        "command.Cancelled",
        WARNING,
        "An operator stopped a command",
        "It was rejected or taken back before it was sent.",
        ("cause",),
        _by_operator,
    ),
)
"""Acts of one person that take effect at once, or end a proposal. Names of people are only in the entry."""
