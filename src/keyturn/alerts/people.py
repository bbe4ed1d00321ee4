"""What is told of operators, applications and changes: whoever had no part in it should know of it."""

from keyturn.alerts.rule import WARNING, Rule


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
        "change.prolonged",
        WARNING,
        "A change waits longer: somebody in charge cannot sign in",
        "Wrong sign-ins have locked an administrator out. Look at the change, and at who tried.",
        ("change", "operation", "operator_id", "effective_at"),
    ),
)
"""Each is done at once by one person, or ends what was announced. Names are in the entry alone."""
