"""Operations whose work lies outside the store: authorized in a transaction as every other, and done after it."""

from keyturn.admin.guards import at_once
from keyturn.admin.operation import Answer, Arguments, Operation, Session

BACKUP, TEST_ALERTS = "backup", "alerts test"


class BackUp(Arguments, frozen=True):
    file: str


class AlertsTest(Arguments, frozen=True):
    pass


def back_up(session: Session, arguments: BackUp) -> Answer:
    """What the work after the transaction takes: the file, and who ordered it."""
    return {"file": arguments.file, "actor": session.actor}


def alerts_test(session: Session, _: AlertsTest) -> Answer:
    """What the work after the transaction takes: the store's time, an instant."""
    return {"now": session.tx.now}


OPERATIONS = (
    Operation(
        BACKUP,
        BackUp,
        back_up,
        role="admin",
        guard=at_once(
            "Copies the content of the database into another file.",
            "It runs unattended every night, as the user who can read the database anyway; the keys are not in it, only"
            " its owner can read the file, and an audit entry says who made it.",
        ),
        cli_command="backup",
    ),
    Operation(
        TEST_ALERTS,
        AlertsTest,
        alerts_test,
        role="admin",
        guard=at_once(
            "Sends the administrators a message about nothing.",
            "It carries no text of the operator's, and goes to the configured channels alone.",
        ),
        cli_command="alerts",
    ),
)
