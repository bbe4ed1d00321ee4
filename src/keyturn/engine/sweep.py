"""Periodic sweep: expires commands and confirmation codes, schedules commands whose wake-up was lost, purges tables.

Also ends kill switches whose time has passed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial

from keyturn.clock import Clock
from keyturn.commands.admission import confirmation, refused_attempts
from keyturn.commands.admission.confirmation import end_confirmation
from keyturn.commands.execution import expiry
from keyturn.commands.model import record
from keyturn.commands.model.record import OpenCommand
from keyturn.commands.model.states import State
from keyturn.config.settings import EngineSettings
from keyturn.connectors.port import Capabilities, Connector
from keyturn.fleet import vehicles
from keyturn.store.port import ReadTx, Store, Tx
from keyturn.tenants import kill_switches

_BATCH = 200
_PURGE_EVERY = 60.0
_RESCAN_EVERY = 5.0
_NOTHING = Capabilities(offers=frozenset())


class Sweeper:
    """Expires open commands by the clock, and calls `rescan` from time to time.

    `sending` holds the commands that this node is sending now: they are left alone, since monotonic clocks bound them
    and the sender records the answer. An overdue command that another node may be sending is left alone for
    `peer_send_timeout`, the seconds that a sending may take, on this node's boot clock; a wall clock that jumped ahead
    is no reason to expire it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        connectors: Mapping[str, Connector],
        settings: EngineSettings,
        rescan: Callable[[], Awaitable[None]],
        sending: AbstractSet[str],
        *,
        peer_send_timeout: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._connectors = connectors
        self._settings = settings
        self._rescan = rescan
        self._sending = sending
        self._peer_send_timeout = peer_send_timeout
        self._rounds = 0
        self._overdue_since: dict[tuple[str, int], float] = {}
        """Of intents without an answer: (command, `send_by`), and the boot clock when they were first seen overdue."""

    @property
    def interval(self) -> float:
        """Seconds between two rounds."""
        return self._settings.sweep_interval

    async def run_once(self) -> None:
        """One round: `sweep`, and from time to time a rescan and a purge."""
        self._rounds += 1
        await self.sweep()
        if self._rounds % max(1, round(_RESCAN_EVERY / self.interval)) == 0:
            await self._rescan()
        if self._rounds % max(1, round(_PURGE_EVERY / self.interval)) == 0:
            await self._store.write(expiry.delete_expired)

    async def sweep(self) -> None:
        """Everything that is due now."""
        due, expired, refused = await self._store.read(self._due)
        if refused:
            await self._store.write(partial(refused_attempts.end_minutes, limit=_BATCH))
        if not due and not expired:
            return
        sent_now = self._sent_now(due)
        expiries = [partial(self._expire, row=row) for row in due if row.command_id not in sent_now]
        ends = [partial(end_confirmation, command_id=command_id, expired=True) for command_id in expired]
        await asyncio.gather(*(self._store.write(unit) for unit in (*expiries, *ends)))  # one commit for all of them

    def _sent_now(self, due: list[OpenCommand]) -> set[str]:
        """Those that this node or another may be sending at this moment."""
        boottime = self._clock.boottime()
        sent = [(row.command_id, row.wake_at) for row in due if row.state is State.DISPATCHING]
        self._overdue_since = {intent: self._overdue_since.get(intent, boottime) for intent in sent}
        recent = {
            command_id
            for (command_id, _), since in self._overdue_since.items()
            if boottime < since + self._peer_send_timeout
        }
        return recent | (self._sending & {command_id for command_id, _ in sent})

    def _due(self, tx: ReadTx) -> tuple[list[OpenCommand], list[str], bool]:
        due = record.open_due(tx, _BATCH, self._settings.answer_timeout)
        return due, confirmation.expired(tx, _BATCH), refused_attempts.any_ended(tx)

    def _expire(self, tx: Tx, row: OpenCommand) -> None:
        expiry.expire_overdue(tx, row.command_id, self._capabilities(tx, row.vehicle_id), self._settings)

    def _capabilities(self, tx: ReadTx, vehicle_id: str) -> Capabilities:
        vehicle = vehicles.load(tx, vehicle_id)
        connector = self._connectors.get(vehicle.connector) if vehicle else None
        return connector.capabilities if connector else _NOTHING


class KillSwitchExpiry:
    """Records the end of kill switches. Their commands go on at that time even before it is recorded."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run_once(self) -> None:
        """End every switch that is due."""
        if await self._store.read(kill_switches.is_due):
            await self._store.write(kill_switches.end_due)
