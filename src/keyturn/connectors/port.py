"""The connector port: the way to one OEM's cloud or one device gateway.

Whatever happens on the wire becomes an `OemAnswer` on two axes: may it have happened, and is it temporary?
A connector never raises for what an OEM did; an exception out of one is a defect of the connector, and the engine
treats it as "may have happened".
"""

from collections.abc import Collection
from typing import Protocol

import msgspec

from keyturn.connectors.responses import OemResponse, Operation, StateReadResult, StateReport


class Quota(msgspec.Struct, frozen=True):
    """How many calls the OEM allows, as (window in seconds, calls)."""

    per_vehicle: tuple[tuple[float, int], ...] = ()
    per_account: tuple[tuple[float, int], ...] = ()
    reserve: int = 0
    """Calls of each window that are kept for restoring commands."""


class Capabilities(msgspec.Struct, frozen=True):
    """What a connector says of the far side. What it does not say is false."""

    offers: frozenset[str]
    """Command names."""
    enforces_preconditions: bool = False
    blocks_next_start_only: bool = False
    reads_state: bool = False
    rotates_credentials: bool = False
    """Using an account replaces a credential of it: what tries others would take them from it."""
    reports_vin: bool = False
    """A state read says which VIN it is of."""
    read_wakes_vehicle: bool = False
    finds_by_reference: bool = False
    cancels: bool = False
    initiate_wait: float | None = None
    """Seconds; overrides the installation's default."""
    send_wait: dict[str, float] = {}
    """Seconds from Queued to sending, per command, where it differs from the catalogue's."""
    answer_wait: dict[str, float] = {}
    """Seconds from sending to the OEM's answer, per command, where it differs from the catalogue's."""
    follow_floor: float = 0.25
    """Seconds before an operation is first asked about."""
    follow_ceiling: float = 5.0
    quota: Quota | None = None


class Account(msgspec.Struct, frozen=True):
    """A company's credentials at one OEM, opened for use. Never printed."""

    id: str
    credentials: dict[str, str]

    def __repr__(self) -> str:
        return f"Account(id={self.id!r})"


class Target(msgspec.Struct, frozen=True):
    """The vehicle as the OEM knows it, through its own company's account."""

    account: Account
    vin: str
    external_id: str


class OutboundCommand(msgspec.Struct, frozen=True):
    """One command to send once."""

    command_id: str
    """Passed to the OEM as our reference, and as idempotency key where it takes one."""
    name: str
    target: Target
    send_by: int
    """Instant after which the first byte must not leave."""
    send_by_boottime: float
    """The same moment on CLOCK_BOOTTIME; both must hold."""
    expires_at: int
    """The answer deadline, passed on where the OEM supports one."""


class CredentialKeeper(Protocol):
    """Keeps a credential that the OEM replaced, such as a refresh token that may be used once."""

    async def keep(self, account_id: str, name: str, value: str, replaces: Collection[str]) -> None:
        """Put `value` in the place of any of `replaces`; any other value was given by somebody meanwhile and stays."""
        ...


class Inbox(Protocol):
    """Takes what an OEM or a device gateway says unasked. Each connector gets its own, for its own accounts alone.

    A push may come at any time after `Connector.start` was called, in any order, late, and more than once: every one
    is judged as an answer to a question would be, so a repeated or late one does no harm. What is pushed is durable
    when the call returns; a gateway that keeps messages until they are acknowledged is to be acknowledged then.

    A call never raises for what it is given: an account, an operation or a vehicle that is not known here is left
    aside. An exception says that nothing was kept (such as `StoreUnavailable`): push it again later.
    """

    async def operation_changed(self, account_id: str, operation: Operation, answer: OemResponse) -> None:
        """The OEM says how far an operation of this account is, with what `Connector.ask` would answer now.

        Taken while the command is asked about, that is once the answer to its sending is recorded; until then, and
        afterwards, it is left aside. It never takes the place of `ask`: a push may be lost.
        """
        ...

    async def state_reported(self, account_id: str, external_id: str, report: StateReport) -> None:
        """The source says what it knows of the vehicle, with what `Connector.observe` would report.

        Values count by the source's own times, since a push may be late: a value without any is left aside (see
        `evidence.absorb`). Nothing is kept of a connector that does not declare `reads_state`.
        """
        ...


class Connector(Protocol):
    """One OEM. Every adapter passes the connector contract suite."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def start(self, inbox: Inbox) -> None:
        """Called once, when the engine runs: from now on what the far side says unasked may go into `inbox`.

        Return soon; whatever listens goes on in tasks of the connector's own. A far side that is not there is no
        error here: keep trying. A connector that only asks does nothing.
        """
        ...

    async def send(self, order: OutboundCommand) -> OemResponse:
        """Write the command to a socket once, or not at all: no redirect, no resending."""
        ...

    async def get_status(self, target: Target, name: str, operation: Operation) -> OemResponse:
        """How far is it?"""
        ...

    async def find_by_reference(self, target: Target, name: str, command_id: str) -> OemResponse:
        """Find a command by our id. NOTHING_FOUND says nothing."""
        ...

    async def cancel(self, target: Target, operation: Operation) -> OemResponse:
        """Ask the OEM to cancel. FAILED with `cancelled` only where it says that the vehicle never got it."""
        ...

    async def read_state(self, target: Target) -> StateReadResult:
        """What the source knows of the vehicle now, or what was wrong."""
        ...

    async def close(self) -> None:
        """Let go of everything, whether or not it was started; a second call does nothing. No push comes after it."""
        ...
