"""Tries OEM credentials by reading an immobilised vehicle, so that it can be enabled although its account changed."""

from functools import partial

import msgspec
import structlog

from keyturn.auth.keyring import Keyring
from keyturn.clock import Clock
from keyturn.connectors.port import Connector, Target
from keyturn.engine.vehicle_reader import Reached, VehicleReader
from keyturn.fleet.vehicles import Vehicle, reports_another_vin
from keyturn.store.port import ReadTx, Store
from keyturn.tenants import spare_credentials
from keyturn.tenants.spare_credentials import Proposed

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
"""Seconds between two tries of the same credentials; each pause is twice the one before."""


class _Trial(msgspec.Struct, frozen=True):
    """Credentials to try, on a vehicle that is immobilised behind their account."""

    key: str
    account_id: str
    reached: Reached
    proposal: Proposed | None
    """None: the account's own, after former ones."""


class CredentialTrials:
    """Periodic task: drops former credentials that are not needed, and proves proposed ones that are needed now."""

    def __init__(self, store: Store, clock: Clock, keyring: Keyring, vehicles: VehicleReader) -> None:
        self._store = store
        self._clock = clock
        self._keyring = keyring
        self._vehicles = vehicles
        self._pauses: dict[str, tuple[float, float]] = {}
        """By what is tried: when it is tried again, by the monotonic clock, and the pause after that."""

    async def run_once(self) -> None:
        """Try the credentials whose pause is over."""
        idle, trials = await self._store.read(self._survey)
        for account_id in idle:
            await self._store.write(partial(spare_credentials.drop_former, account_id=account_id))
        self._pauses = {trial.key: self._pauses.get(trial.key, (0.0, _FIRST_PAUSE)) for trial in trials}
        for trial in trials:
            again, pause = self._pauses[trial.key]
            if self._clock.monotonic() >= again:
                await self._try(trial)
                self._pauses[trial.key] = self._clock.monotonic() + pause, min(2 * pause, _LONGEST_PAUSE)

    def _survey(self, tx: ReadTx) -> tuple[list[str], list[_Trial]]:
        """Accounts whose former credentials are not needed, and the credentials to try.

        A refresh token that can be used once is not tried; the change would then store a used one.
        """
        idle, trials = [], []
        for account_id in spare_credentials.accounts_with_former(tx):
            if (reached := self._immobilised(tx, account_id)) is None:
                idle.append(account_id)
            else:
                trials.append(_Trial(account_id, account_id, reached, None))
        for proposal in spare_credentials.load_proposed(tx, self._keyring):
            account_id = proposal.account_id
            reached = self._immobilised(tx, account_id)
            if reached is not None and not reached.connector.capabilities.rotates_credentials:
                trials.append(_Trial(proposal.change_id, account_id, reached, proposal))
        return idle, trials

    def _immobilised(self, tx: ReadTx, account_id: str) -> Reached | None:
        vehicle_id = spare_credentials.longest_immobilised(tx, account_id)
        return None if vehicle_id is None else self._vehicles.reach_in(tx, vehicle_id)

    async def _try(self, trial: _Trial) -> None:
        vehicle, own, connector = trial.reached
        own_read = await self._reads(vehicle, own, connector)
        if trial.proposal is None:
            if own_read:
                await self._store.write(partial(spare_credentials.drop_former, account_id=trial.account_id))
            return
        with_proposed = Target(trial.proposal.account, own.vin, own.external_id)
        if not own_read and await self._reads(vehicle, with_proposed, connector):
            prove = partial(spare_credentials.record_proven, keyring=self._keyring, proposal=trial.proposal)
            await self._store.write(partial(prove, account_id=trial.account_id))

    async def _reads(self, vehicle: Vehicle, target: Target, connector: Connector) -> bool:
        """Whether these credentials read the vehicle's state, and no other vehicle's."""
        report = await self._vehicles.report(vehicle, target, connector)
        return report is not None and not reports_another_vin(vehicle, report.vin)
