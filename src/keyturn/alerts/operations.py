"""What an administrator asks about alerts."""

from typing import Annotated

from msgspec import Meta

from keyturn.admin.guards import reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.alerts import outbox


class ListAlerts(Arguments, frozen=True):
    unsent: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


def listed(session: Session, arguments: ListAlerts) -> Answer:
    """The newest first."""
    return {"alerts": outbox.listed(session.tx, unsent=arguments.unsent, limit=arguments.limit)}


OPERATIONS = (Operation("alerts list", ListAlerts, listed, guard=reads()),)
