"""The connector port: what Keyturn asks of the adapter to one OEM cloud or device gateway. Start here to write one.

**Order of calls.** `capabilities` may be read at any time and never changes. `start` is called once, when the engine
runs; `close` once at the end, and also where `start` never was. Between them the other methods are called in any
order, many at a time, for many vehicles and for one: a command is followed while the vehicle's state is read.

**Threads.** Everything is called on the event loop, so a method must not block. A call may be cancelled at any await,
when the server stops; a `send` that was cancelled may have happened.

**Deadlines.** `send` writes its first byte before `OutboundCommand.send_by` on both clocks, or not at all
(`toolkit.Deadline`). Every method limits its own time; the engine limits `read_state` alone.

**What may be repeated.** `get_status`, `find_by_reference` and `read_state` are called again and again while a command
is not final, and `cancel` again after a restart.

**What must never happen.** A command is written twice: no redirect is followed, no request resent, by the connector or
by a library below it. A response that may hide an execution is reported as NOT_TAKEN, FAILED or REFUSED. A secret
leaves in a `LoggedRequest`, or an OEM's own words in `OemResponse.detail`.

**Errors.** Whatever an OEM or the network does becomes a value (see `responses`), on two axes: may it have happened,
and is it temporary? A method never raises for it. An exception is a defect of the connector: the engine logs it, and
after `send` treats the command as one that may have happened.

The contract suite in ``tests/connectors/contract.py`` checks most of this; docs/connectors.md says how a package adds
a connector; `toolkit` has what every connector needs.
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
    """What a connector can do and what its OEM guarantees. What is not stated is false."""

    offers: frozenset[str]
    """Names of the commands that can be sent."""
    enforces_preconditions: bool = False
    """The OEM or the vehicle checks the preconditions itself; false: Keyturn demands fresh evidence of its own."""
    blocks_next_start_only: bool = False
    """`disable_ignition` never stops a running engine; without it the command is not offered."""
    reads_state: bool = False
    """`read_state` works."""
    rotates_credentials: bool = False
    """Using an account replaces one of its credentials, so proposed credentials are not tried before they are set."""
    reports_vin: bool = False
    """A state read reports the vehicle's VIN."""
    read_wakes_vehicle: bool = False
    finds_by_reference: bool = False
    """`find_by_reference` works."""
    cancels: bool = False
    """`cancel` works."""
    initiate_wait: float | None = None
    """Seconds; overrides the installation's default."""
    send_wait: dict[str, float] = {}
    """Seconds from Queued to sending, per command, where it differs from the catalogue's."""
    answer_wait: dict[str, float] = {}
    """Seconds from sending to the OEM's answer, per command, where it differs from the catalogue's."""
    follow_floor: float = 0.25
    """Seconds before an operation is first asked about."""
    follow_ceiling: float = 5.0
    """Seconds between two such questions, at most."""
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
    """Stores a credential that the OEM replaced, such as a refresh token that may be used once."""

    async def keep(self, account_id: str, name: str, value: str, replaces: Collection[str]) -> None:
        """Store `value` where the account has one of `replaces`; any other value was set meanwhile and stays."""
        ...


class Inbox(Protocol):
    """Takes what an OEM or a device gateway pushes. Each connector gets its own, for its own accounts alone.

    Push from `Connector.start` until `Connector.close` returns, in any order, late, and more than once: each push is
    evaluated as the response to a query would be, so a repeated or late one does no harm. What was pushed is durable
    when the call returns; a gateway that keeps messages until they are acknowledged gets its acknowledgement then.

    A call never raises for its content: an unknown account, operation or vehicle is ignored. An exception (such as
    `StoreUnavailable`) means that nothing was stored: push it again later.
    """

    async def operation_changed(self, account_id: str, operation: Operation, answer: OemResponse) -> None:
        """How far an operation of this account is; `answer` is what `Connector.get_status` would return now.

        It counts once the response to the command's sending is recorded and while the command is not final; before
        and afterwards it is ignored. It does not replace `get_status`: a push may be lost.
        """
        ...

    async def state_reported(self, account_id: str, external_id: str, report: StateReport) -> None:
        """What the source knows of the vehicle; `report` is what `Connector.read_state` would report.

        A push may be late, so values count by the source's own times, and a value without any is ignored (see
        `fleet.pushed`). Nothing is stored for a connector without the capability `reads_state`.
        """
        ...


class Connector(Protocol):
    """One OEM cloud or device gateway. Every adapter passes the connector contract suite."""

    @property
    def capabilities(self) -> Capabilities:
        """What the connector can do and what the OEM guarantees; constant."""
        ...

    async def start(self, inbox: Inbox) -> None:
        """Called once, when the engine runs: from now on what the OEM pushes may go into `inbox`.

        Return soon; listen in tasks of the connector's own. An OEM that cannot be reached is no error here: keep
        trying. A connector without pushes does nothing.
        """
        ...

    async def send(self, command: OutboundCommand) -> OemResponse:
        """Write the command to a socket once, or not at all: no redirect, no resending. A name not offered: NOT_TAKEN.

        IN_PROGRESS with an operation, or an outcome; UNCLEAR for everything that does not prove otherwise.
        """
        ...

    async def get_status(self, target: Target, name: str, operation: Operation) -> OemResponse:
        """How far the operation of the command `name` is. NOTHING_FOUND where the OEM does not say."""
        ...

    async def find_by_reference(self, target: Target, name: str, command_id: str) -> OemResponse:
        """Find a command by our id, which `send` passed on. NOTHING_FOUND proves nothing: it may still be executed.

        Called only with the capability `finds_by_reference`.
        """
        ...

    async def cancel(self, target: Target, operation: Operation) -> OemResponse:
        """Ask the OEM to cancel. FAILED with `cancelled` only where it says that the vehicle never got the command.

        Called only with the capability `cancels`, after the answer deadline.
        """
        ...

    async def read_state(self, target: Target) -> StateReadResult:
        """What the source knows of the vehicle now, or why nothing came.

        Called only with the capability `reads_state`.
        """
        ...

    async def close(self) -> None:
        """Release everything, whether or not it was started; a second call does nothing. No push comes after it."""
        ...
