"""Administration operations on alerts: list them, and send a test alert without the outbox."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta

from keyturn.admin.guards import reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.alerts import outbox
from keyturn.alerts.message import Channel, Message, NotDelivered, QueuedMessage
from keyturn.clock import iso_time


class ListAlerts(Arguments, frozen=True):
    unsent: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


def list_alerts(session: Session, arguments: ListAlerts) -> Answer:
    """Newest first."""
    return {"alerts": outbox.list_alerts(session.tx, unsent=arguments.unsent, limit=arguments.limit)}


OPERATIONS = (Operation("alerts list", ListAlerts, list_alerts, guard=reads(), cli_command="alerts"),)


async def send_test_alert(channels: Sequence[Channel], now: int) -> list[dict[str, Any]]:
    """Send a test alert on every channel; the result of each, JSON-ready. `now`: an instant."""
    message = Message(
        id=f"test-{now}",
        kind="alert.test",
        severity="test",
        at=iso_time(now),
        company=None,
        subject="A test of the alerts",
        text="This is a test. Nothing happened.",
        entry=None,
    )
    return await asyncio.gather(*(_send_test(channel, QueuedMessage(0, message)) for channel in channels))


async def _send_test(channel: Channel, queued: QueuedMessage) -> dict[str, Any]:
    try:
        await channel.send(queued)
    except NotDelivered as error:
        return {"channel": channel.name, "delivered": False, "fault": str(error)}
    return {"channel": channel.name, "delivered": True, "fault": None}
