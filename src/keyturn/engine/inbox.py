"""Inbox for pushed results and state reports; recorded by the same units of work as answers to our own requests."""

from collections.abc import Callable
from functools import partial

from msgspec import structs

from keyturn.commands.execution import outcome
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.connectors.responses import OemResponse, Operation, StateReport
from keyturn.engine.vehicle_reader import record_report
from keyturn.fleet import vehicles
from keyturn.store.port import ReadTx, Store, Tx

_IS_OURS = "SELECT 1 FROM oem_account WHERE id = :account_id AND connector = :connector AND active = 1"


class ConnectorInbox:
    """Implements `Inbox` for one connector. Raises `StoreUnavailable` where a push could not be stored.

    `follow_now` makes the follower of a command, by its id, ask about it now.
    """

    def __init__(
        self,
        connector: str,
        capabilities: Capabilities,
        store: Store,
        rules: EvidenceSettings,
        follow_now: Callable[[str], None],
    ) -> None:
        self._connector = connector
        self._capabilities = capabilities
        self._store = store
        self._rules = rules
        self._follow_now = follow_now

    async def operation_changed(self, account_id: str, operation: Operation, answer: OemResponse) -> None:
        changed = partial(self._changed, account_id=account_id, operation=operation, answer=answer)
        for command_id in await self._store.write(changed):
            self._follow_now(command_id)

    async def state_reported(self, account_id: str, external_id: str, report: StateReport) -> None:
        if self._capabilities.reads_state:
            await self._store.write(partial(self._reported, aim=(account_id, external_id), report=report))

    def _changed(self, tx: Tx, account_id: str, operation: Operation, answer: OemResponse) -> tuple[str, ...]:
        if not self._is_ours(tx, account_id):
            return ()
        return outcome.apply_to_operation(tx, account_id, operation, answer, self._capabilities)

    def _reported(self, tx: Tx, aim: tuple[str, str], report: StateReport) -> None:
        if not self._is_ours(tx, aim[0]):
            return
        for vehicle in vehicles.aimed_at(tx, aim):
            aimed = structs.replace(vehicle, account_id=aim[0], external_id=aim[1], connector=self._connector)
            record_report(tx, aimed, report, self._rules, pushed=True)

    def _is_ours(self, tx: ReadTx, account_id: str) -> bool:
        """Whether the account is in use and belongs to this connector."""
        return tx.one(_IS_OURS, account_id=account_id, connector=self._connector) is not None
