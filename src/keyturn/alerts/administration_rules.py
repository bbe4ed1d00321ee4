"""What is told of operators, applications and changes: whoever had no part in it should know of it."""

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
        f"Whoever it is sets a password with a one-time code. {_ASK}",
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
        "Hired, raised or given credentials where nobody is in charge of the installation. For a week the operator "
        f"decides nothing. {_ASK}",
        ("operator_id", "deed"),
    ),
    Rule(
        "application.added",
        WARNING,
        "An application was added",
        f"Whoever has its secrets can ask as it, within its grants. {_ASK}",
        ("application_id",),
    ),
    Rule(
        "application.changed",
        WARNING,
        "An application was changed",
        f"Its grants, its name, who answers for it, or whether it is active. {_ASK}",
        ("application_id", "active", "signing"),
    ),
    Rule(
        "application.client_secret_rotated",
        WARNING,
        "The client secret of an application was replaced",
        f"The one before is worth nothing any more. {_ASK}",
        ("application_id",),
    ),
    Rule(
        "application.sign_secret_added",
        WARNING,
        "An application has a second sign-secret",
        f"Both are good until the older one is retired. {_ASK}",
        ("application_id",),
    ),
    Rule(
        "application.sign_secret_retired",
        WARNING,
        "A sign-secret of an application was retired",
        f"What is signed with it is refused. {_ASK}",
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
        "It is not made. Whoever proposed it can propose it again.",
        ("change", "operation"),
    ),
    Rule(
        "change.extended",
        WARNING,
        "A change waits longer: somebody in charge cannot sign in",
        "Wrong sign-ins have locked an administrator out. Look at the change, and at who tried.",
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
        "A notice to an end user was written down",
        "A rule that asks for one is met by it. It is in the record, with its author.",
        ("channel",),
    ),
    Rule(
        "keep_enabling.started",
        WARNING,
        "A vehicle is enabled again and again",
        "Until it is confirmed, or somebody ends it.",
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
"""Each is done at once by one person, or ends what was announced. Names are in the entry alone."""
