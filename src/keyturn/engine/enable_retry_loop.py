"""Drives enabling that goes on until it is confirmed.

Says of an immobilisation that it is still open, each time once.
"""

import asyncio
from functools import partial

from keyturn.commands.admission.registration import CommandFactory
from keyturn.config.settings import EvidenceSettings, ImmobilisationSettings
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.immobilisation import enable_retries
from keyturn.immobilisation.enable_retries import EnableRetry
from keyturn.store.port import ReadTx, Store

_AT_ONCE = 32
"""Vehicles that are read at the same time."""


class EnableRetryLoop:
    """Looks at every one that runs: ends what is over, reads the vehicles whose turn it is, has enables issued."""

    def __init__(
        self,
        store: Store,
        vehicles: VehicleReader,
        registrar: CommandFactory,
        rules: ImmobilisationSettings,
        evidence_rules: EvidenceSettings,
    ) -> None:
        self._store = store
        self._vehicles = vehicles
        self._registrar = registrar
        self._rules = rules
        self._evidence_rules = evidence_rules

    async def look(self) -> None:
        over, due = await self._store.read(self._survey)
        for keeping in over:
            await self._store.write(partial(enable_retries.end_if_over, keeping=keeping, rules=self._rules))
        await asyncio.gather(*(self._go_on(keeping) for keeping in due[:_AT_ONCE]))

    async def _go_on(self, keeping: EnableRetry) -> None:
        """Its newest report is of now, where one can be had."""
        reached = await self._vehicles.reach(keeping.vehicle_id)
        capabilities = reached[2].capabilities if reached else None
        if capabilities is not None and capabilities.reads_state:
            await self._vehicles.read(keeping.vehicle_id)
        await self._store.write(
            partial(
                enable_retries.issue,
                keeping_id=keeping.id,
                capabilities=capabilities,
                registrar=self._registrar,
                rules=self._rules,
                evidence_rules=self._evidence_rules,
            )
        )

    def _survey(self, tx: ReadTx) -> tuple[list[EnableRetry], list[EnableRetry]]:
        """Those that are over, and those whose turn it is."""
        running = enable_retries.running(tx)
        over = [keeping for keeping in running if enable_retries.ending(tx, keeping, self._rules)]
        return over, [keeping for keeping in running if keeping not in over and keeping.next_at <= tx.now]
