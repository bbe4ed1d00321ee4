"""Operations whose work lies outside the store: judged and fenced as every other, and done after their transaction."""

from keyturn.admin.guards import at_once
from keyturn.admin.operation import Answer, Arguments, Operation, Session

BACKUP, TRY_ALERTS = "backup", "alerts test"


class BackUp(Arguments, frozen=True):
    file: str


class TryAlerts(Arguments, frozen=True):
    pass


def back_up(session: Session, arguments: BackUp) -> Answer:
    """What is to be done, and for whom."""
    return {"file": arguments.file, "actor": session.actor}


def try_alerts(session: Session, _: TryAlerts) -> Answer:
    return {"now": session.tx.now}


OPERATIONS = (
    Operation(
        BACKUP,
        BackUp,
        back_up,
        role="admin",
        guard=at_once(
            "Puts what is in the database into another file.",
            "It runs unattended every night, as the user who can read the database anyway; keys are not in it, the file"
            " is for its owner alone, and an entry says who made it.",
        ),
    ),
    Operation(
        TRY_ALERTS,
        TryAlerts,
        try_alerts,
        role="admin",
        guard=at_once(
            "Sends the administrators a message that says nothing happened.",
            "It carries no words of whoever asks, and goes to the configured channels alone.",
        ),
    ),
)
