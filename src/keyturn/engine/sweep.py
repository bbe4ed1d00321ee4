"""The net below every wake-up: deadlines that came, codes whose life is over, keys that were forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial

import structlog

from keyturn.commands import confirmation, lapse, purge, record
from keyturn.commands.intake import end_confirmation
from keyturn.commands.record import OpenCommand
from keyturn.commands.states import State
from keyturn.config.settings import EngineSettings
from keyturn.connectors.port import Connector, Declarations
from keyturn.fleet import vehicles
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx

log = structlog.get_logger()
_BATCH = 200
_PURGE_EVERY = 60.0
_TEND_EVERY = 5.0
_NOTHING = Declarations(offers=frozenset())


class Sweeper:
    """Looks at the clock for every open row, and calls `tend_undriven` from time to time.

    `sending` holds the commands that this node is sending now: that is bounded by clocks that nobody sets, and whoever
    sends says what came of it.
    """

    def __init__(
        self,
        store: Store,
        connectors: Mapping[str, Connector],
        settings: EngineSettings,
        tend_undriven: Callable[[], Awaitable[None]],
        sending: AbstractSet[str] = frozenset(),
    ) -> None:
        self._store = store
        self._connectors = connectors
        self._settings = settings
        self._tend_undriven = tend_undriven
        self._sending = sending

    async def run(self) -> None:
        """For ever; a store that is away is waited for."""
        interval = self._settings.sweep_interval
        ticks = 1
        while True:
            try:
                await self.sweep()
                await self._now_and_then(ticks, interval)
            except StoreUnavailable:
                log.warning("the store is away; deadlines wait for it")
            await asyncio.sleep(interval)
            ticks += 1

    async def sweep(self) -> None:
        """Everything that is due now."""
        due, expired = await self._store.read(_due)
        lapses = [partial(self._lapse, row=row) for row in due if not self._is_sent_now(row)]
        ends = [partial(end_confirmation, command_id=command_id, expired=True) for command_id in expired]
        await asyncio.gather(*(self._store.write(unit) for unit in (*lapses, *ends)))  # one commit for all of them

    def _is_sent_now(self, row: OpenCommand) -> bool:
        return row.state is State.DISPATCHING and row.command_id in self._sending

    async def _now_and_then(self, ticks: int, interval: float) -> None:
        if ticks % max(1, round(_TEND_EVERY / interval)) == 0:
            await self._tend_undriven()
        if ticks % max(1, round(_PURGE_EVERY / interval)) == 0:
            await self._store.write(purge.forget)

    def _lapse(self, tx: Tx, row: OpenCommand) -> None:
        lapse.lapse(tx, row.command_id, self._declares(tx, row.vehicle_id), self._settings)

    def _declares(self, tx: ReadTx, vehicle_id: str) -> Declarations:
        vehicle = vehicles.load(tx, vehicle_id)
        connector = self._connectors.get(vehicle.connector) if vehicle else None
        return connector.declares if connector else _NOTHING


def _due(tx: ReadTx) -> tuple[list[OpenCommand], list[str]]:
    return record.open_due(tx, _BATCH), confirmation.expired(tx, _BATCH)
