"""The net below every wake-up: deadlines that came, codes whose life is over, keys that were forgotten.

Says of a switch whose time is over that it has ended.
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
_TEND_EVERY = 5.0
_NOTHING = Capabilities(offers=frozenset())


class Sweeper:
    """Looks at the clock for every open row, and calls `tend_undriven` from time to time.

    `sending` holds the commands that this node is sending now: that is bounded by clocks that nobody sets, and whoever
    sends says what came of it. What another node may be sending is left alone, once it seems overdue, until `patience`,
    the seconds that a sending may take, have passed on this node's boot clock: a wall clock that jumped ahead tells
    nothing of it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        connectors: Mapping[str, Connector],
        settings: EngineSettings,
        tend_undriven: Callable[[], Awaitable[None]],
        sending: AbstractSet[str],
        *,
        patience: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._connectors = connectors
        self._settings = settings
        self._tend_undriven = tend_undriven
        self._sending = sending
        self._patience = patience
        self._looks = 0
        self._overdue_since: dict[tuple[str, int], float] = {}
        """Of intents without an answer: (command, `send_by`), and the boot clock when they were first seen overdue."""

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return self._settings.sweep_interval

    async def look(self) -> None:
        """One round: `sweep`, and from time to time the rest."""
        self._looks += 1
        await self.sweep()
        if self._looks % max(1, round(_TEND_EVERY / self.interval)) == 0:
            await self._tend_undriven()
        if self._looks % max(1, round(_PURGE_EVERY / self.interval)) == 0:
            await self._store.write(expiry.delete_expired)

    async def sweep(self) -> None:
        """Everything that is due now."""
        due, expired, refused = await self._store.read(self._due)
        if refused:
            await self._store.write(partial(refused_attempts.end_minutes, limit=_BATCH))
        if not due and not expired:
            return
        sent_now = self._sent_now(due)
        lapses = [partial(self._lapse, row=row) for row in due if row.command_id not in sent_now]
        ends = [partial(end_confirmation, command_id=command_id, expired=True) for command_id in expired]
        await asyncio.gather(*(self._store.write(unit) for unit in (*lapses, *ends)))  # one commit for all of them

    def _sent_now(self, due: list[OpenCommand]) -> set[str]:
        """Those that this node or another may be sending at this moment."""
        boottime = self._clock.boottime()
        sent = [(row.command_id, row.wake_at) for row in due if row.state is State.DISPATCHING]
        self._overdue_since = {intent: self._overdue_since.get(intent, boottime) for intent in sent}
        young = {
            command_id for (command_id, _), since in self._overdue_since.items() if boottime < since + self._patience
        }
        return young | (self._sending & {command_id for command_id, _ in sent})

    def _due(self, tx: ReadTx) -> tuple[list[OpenCommand], list[str], bool]:
        due = record.open_due(tx, _BATCH, self._settings.answer_timeout)
        return due, confirmation.expired(tx, _BATCH), refused_attempts.any_ended(tx)

    def _lapse(self, tx: Tx, row: OpenCommand) -> None:
        expiry.expire_overdue(tx, row.command_id, self._capabilities(tx, row.vehicle_id), self._settings)

    def _capabilities(self, tx: ReadTx, vehicle_id: str) -> Capabilities:
        vehicle = vehicles.load(tx, vehicle_id)
        connector = self._connectors.get(vehicle.connector) if vehicle else None
        return connector.capabilities if connector else _NOTHING


class KillSwitchEnds:
    """What a switch holds back goes on at its end, whether or not anybody has looked here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self) -> None:
        """Everything that is due now."""
        if await self._store.read(kill_switches.is_due):
            await self._store.write(kill_switches.end_due)
