"""Accounts, targets and commands for connector tests."""

import uuid

from keyturn.clock import Clock, after
from keyturn.connectors.port import Account, OutboundCommand, Target

TOKEN = "s3cret-oem-token"


def account(**credentials: str) -> Account:
    return Account("account-1", credentials or {"token": TOKEN})


def target(owner: Account | None = None) -> Target:
    return Target(owner or account(), vin="9KTPARKED00000001", external_id="car 1/a")


def order(clock: Clock, name: str = "start", *, within: float = 5.0, at: Target | None = None) -> OutboundCommand:
    """An order whose first byte may leave for `within` seconds from now."""
    return OutboundCommand(
        command_id=str(uuid.uuid4()),
        name=name,
        target=at or target(),
        send_by=after(clock.now(), within),
        send_by_boottime=clock.boottime() + within,
        expires_at=after(clock.now(), 300.0),
    )
