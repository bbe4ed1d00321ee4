"""What an administrator asks about alerts."""

from typing import Annotated

from msgspec import Meta

from keyturn.alerts import outbox
from keyturn.tenants.administration import Answer, Arguments, Operation, Session
from keyturn.tenants.guards import reads


class ListAlerts(Arguments, frozen=True):
    unsent: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


def listed(session: Session, arguments: ListAlerts) -> Answer:
    """The newest first."""
    return {"alerts": outbox.listed(session.tx, unsent=arguments.unsent, limit=arguments.limit)}


OPERATIONS = (Operation("alerts list", ListAlerts, listed, guard=reads()),)
