"""Reaches vehicles through their connectors and reads their state: one read at a time per vehicle, stored at once."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import msgspec
import structlog

from keyturn.auth.keyring import Keyring, SealBroken
from keyturn.commands.execution import effects
from keyturn.commands.model.record import Command
from keyturn.commands.rules import quota
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Connector, Quota, Target
from keyturn.connectors.responses import LoggedRequest, StateReadResult, StateReport
from keyturn.engine.unanswered import UnansweredLog
from keyturn.fleet import evidence, reports, vehicles
from keyturn.fleet.evidence import Evidence
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx
from keyturn.tenants import spare_credentials
from keyturn.tenants.accounts import open_account

log = structlog.get_logger()


class Reached(NamedTuple):
    """A vehicle, how its OEM knows it, and its connector."""

    vehicle: Vehicle
    target: Target
    connector: Connector


class VehicleReader:
    """The engine's access to vehicles: the target at the OEM, the connector, the state."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        connectors: Mapping[str, Connector],
        rules: EvidenceSettings,
        state_read_timeout: float,
        unanswered: UnansweredLog,
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._connectors = connectors
        self._rules = rules
        self._timeout = state_read_timeout
        self._unanswered = unanswered
        self._reading: dict[str, asyncio.Task[None]] = {}

    def connector(self, vehicle: Vehicle) -> Connector | None:
        return self._connectors.get(vehicle.connector)

    async def reach(self, vehicle_id: str, command: Command | None = None) -> Reached | None:
        """The vehicle, how its OEM knows it, and its connector; None: it was removed, or its connector is not set up.

        With a command: the account and external id to which the command was sent, whatever the vehicle has now.
        """
        return await self._store.read(partial(self.reach_in, vehicle_id=vehicle_id, command=command))

    def reach_in(self, tx: ReadTx, vehicle_id: str, command: Command | None = None) -> Reached | None:
        """As `reach`, in a transaction."""
        found = self._target(tx, vehicle_id, command)
        if found is None or (connector := self.connector(found[0])) is None:
            return None
        return Reached(*found, connector)

    def target_of(self, tx: ReadTx, vehicle: Vehicle) -> Target | None:
        """How the vehicle's OEM knows it by its own row; None: its account cannot be opened now."""
        try:
            opened = open_account(tx, self._keyring, vehicle.account_id)
        except SealBroken:
            return None
        return None if opened is None else Target(opened[1], vehicle.vin, vehicle.external_id)

    async def read(self, vehicle_id: str) -> None:
        """Read and store the vehicle's state, or wait for the read that is under way. OEM failures are logged."""
        task = self._reading.get(vehicle_id)
        if task is None:
            task = asyncio.create_task(self._read(vehicle_id), name=f"state {vehicle_id}")
            self._reading[vehicle_id] = task
            task.add_done_callback(lambda _done: self._reading.pop(vehicle_id, None))
        await asyncio.wait({task})

    async def stop(self) -> None:
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, vehicle_id: str) -> None:
        try:
            reached = await self.reach(vehicle_id)
            if reached is None or not reached.connector.capabilities.reads_state:
                return
            vehicle, target, connector = reached
            observed = await self._observed_within_quota(vehicle, target, connector)
            if (report := observed.report) is not None:
                await self._store.write(partial(record_report, vehicle=vehicle, report=report, rules=self._rules))
            elif observed.exchange is not None:
                await self._unanswered.unread(vehicle.connector, vehicle.id, observed.exchange)
        except StoreUnavailable:
            return
        except Exception:
            log.exception("a state read failed", vehicle_id=vehicle_id)

    async def report(self, vehicle: Vehicle, target: Target, connector: Connector) -> StateReport | None:
        """The vehicle's state by this target's credentials, which is not stored. None: the OEM gave none."""
        if not connector.capabilities.reads_state:
            return None
        try:
            return (await self._observed_within_quota(vehicle, target, connector)).report
        except StoreUnavailable:
            return None
        except Exception:
            log.exception("a state read failed", vehicle_id=vehicle.id)
            return None

    async def _observed_within_quota(self, vehicle: Vehicle, target: Target, connector: Connector) -> StateReadResult:
        if not await self._may_call(vehicle, connector.capabilities.quota):
            return StateReadResult()
        return await self._observed(connector, target)

    async def _observed(self, connector: Connector, target: Target) -> StateReadResult:
        clock = self._unanswered.clock
        asked_at, started = clock.now(), clock.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                return await connector.read_state(target)
        except TimeoutError:
            took = round((clock.monotonic() - started) * 1000, 3)
            return StateReadResult(
                None, LoggedRequest("the vehicle's state", asked_at, took, problem="no whole answer in time")
            )

    async def _may_call(self, vehicle: Vehicle, limits: Quota | None) -> bool:
        """Our own reads count against the OEM's quota and never use its reserve."""
        return limits is None or await self._store.write(partial(_counted, vehicle=vehicle, limits=limits))

    def _target(self, tx: ReadTx, vehicle_id: str, command: Command | None) -> tuple[Vehicle, Target] | None:
        vehicle = vehicles.load(tx, vehicle_id)
        if vehicle is None:
            return None
        account_id, external_id = vehicles.current_aim(tx, vehicle)
        if command is not None and command.external_id is not None:
            account_id, external_id = command.account_id, command.external_id
        opened = open_account(tx, self._keyring, account_id)
        if opened is None:
            return None
        connector, account = opened
        if command is not None and command.spec.is_restoring:
            account = spare_credentials.account_for_restoring(tx, self._keyring, account)
        aimed = msgspec.structs.replace(vehicle, account_id=account_id, external_id=external_id, connector=connector)
        return aimed, Target(account, vehicle.vin, external_id)


def _counted(tx: Tx, vehicle: Vehicle, limits: Quota) -> bool:
    if quota.frees_at(tx, limits, vehicle.account_id, vehicle.id) is not None:
        return False
    quota.count(tx, limits, vehicle.account_id, vehicle.id)
    return True


def record_report(
    tx: Tx, vehicle: Vehicle, report: StateReport, rules: EvidenceSettings, *, pushed: bool = False
) -> Evidence:
    """Store a report, and close an immobilisation record that it ends. The report of another car is dropped.

    `pushed`: the OEM sent it unasked, perhaps late. A VIN in it may raise a doubt and never ends one.
    """
    if not vehicles.still_aimed(tx, vehicle):
        return evidence.load(tx, vehicle.id)
    if not pushed or vehicles.reports_another_vin(vehicle, report.vin):
        vehicles.compare_vin(tx, vehicle, report.vin)
    if tx.moment.ahead:
        report = reports.on_store_clock(report, tx.moment.ahead)
    merge = reports.merge_pushed if pushed else reports.merge_report
    known = merge(evidence.load_to_change(tx, vehicle.id), report, tx.now, vehicle.connector, rules)
    evidence.save(tx, vehicle.id, known)
    effects.on_report(tx, vehicle, known)
    return known
