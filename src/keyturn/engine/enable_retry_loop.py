"""Drives enable retries: reads the vehicles whose turn it is, and issues the next `enable_ignition`."""

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
    """Periodic task: ends retries that are over; for those whose turn it is, reads the vehicle and issues an enable."""

    def __init__(
        self,
        store: Store,
        vehicles: VehicleReader,
        factory: CommandFactory,
        rules: ImmobilisationSettings,
        evidence_rules: EvidenceSettings,
    ) -> None:
        self._store = store
        self._vehicles = vehicles
        self._factory = factory
        self._rules = rules
        self._evidence_rules = evidence_rules

    async def run_once(self) -> None:
        """One round over every retry that runs."""
        over, due = await self._store.read(self._survey)
        for retry in over:
            await self._store.write(partial(enable_retries.end_if_over, retry=retry, rules=self._rules))
        await asyncio.gather(*(self._issue(retry) for retry in due[:_AT_ONCE]))

    async def _issue(self, retry: EnableRetry) -> None:
        """Read the vehicle first where it can be read, so that its newest report is of now."""
        reached = await self._vehicles.reach(retry.vehicle_id)
        capabilities = reached.connector.capabilities if reached else None
        if capabilities is not None and capabilities.reads_state:
            await self._vehicles.read(retry.vehicle_id)
        await self._store.write(
            partial(
                enable_retries.issue,
                retry_id=retry.id,
                capabilities=capabilities,
                factory=self._factory,
                rules=self._rules,
                evidence_rules=self._evidence_rules,
            )
        )

    def _survey(self, tx: ReadTx) -> tuple[list[EnableRetry], list[EnableRetry]]:
        """The retries that are over, and those whose turn it is."""
        running = enable_retries.running(tx)
        over = [retry for retry in running if enable_retries.ending(tx, retry, self._rules)]
        return over, [retry for retry in running if retry not in over and retry.next_at <= tx.now]
