"""Administration of a store: by the server that has it open, or by the command line where none runs."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from keyturn.admin import backup_restore, change_execution, clock_operations, deferred_work, operators
from keyturn.admin.operation import Answer, Installation, Run, find_operation
from keyturn.alerts import entries
from keyturn.alerts.backups import record_made
from keyturn.alerts.building import build_channels
from keyturn.alerts.message import Channel
from keyturn.alerts.operations import send_test_alert
from keyturn.audit.sealing import BATCH_ENTRIES, ChainForked, seal
from keyturn.auth.keyring import Keyring, load_keyring, open_keyring
from keyturn.auth.login import sign_in
from keyturn.auth.principal import Credentials, Operator
from keyturn.clock import SECOND, SystemClock
from keyturn.commands.model.catalogue import COMMANDS, IGNITION_PAIR, READS
from keyturn.config.settings import Settings
from keyturn.connectors.oem_http.factory import credential_uses, name_spaces
from keyturn.errors import OperationError
from keyturn.operations import bind, perform, preprocess
from keyturn.store.backup_signature import signature_of
from keyturn.store.data_directory import DataDirectoryLock
from keyturn.store.open import database_of, open_store
from keyturn.store.port import Store, StoreRefused, StoreUnavailable, Tx
from keyturn.timekeeping import Timekeeper, machine_boot

_LOCAL_OPERATOR = "operator:local"


class Administration:
    """Performs administration operations on an open store."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        installation: Installation,
        channels: Callable[[], Sequence[Channel]],
        implementations: Mapping[str, Run] = MappingProxyType({}),
    ) -> None:
        """`implementations` are the functions of operations that only a running node can do, by operation."""
        self._store = store
        self._keyring = keyring
        self._installation = installation
        self._channels = channels
        self._operations = bind({**clock_operations.implementations(store.time), **implementations})
        self._deferred = {deferred_work.BACKUP: self._back_up, deferred_work.TEST_ALERTS: self._test_alerts}

    async def administer(self, name: str, arguments: dict[str, Any], credentials: Credentials | None = None) -> Answer:
        """Do one operation, as the operator whose credentials they are. Raises `OperationError`."""
        operator = None
        if credentials is not None:
            despite_lock = find_operation(self._operations, name).despite_lock
            operator = await sign_in(self._store, self._keyring, credentials, despite_lock=despite_lock)
        work = self._deferred.get(name)
        if work is not None:
            return await work(await self._authorize(name, arguments, operator))
        return (await self._perform([(name, arguments)], operator))[0]

    async def administer_all(self, operations: list[tuple[str, dict[str, Any]]]) -> list[Answer]:
        """Do several from the shell in one transaction: all of them or none. Raises `OperationError`."""
        return await self._perform(operations, None)

    async def apply_due_changes(self) -> None:
        """Apply the pending changes whose notice is over."""
        await change_execution.apply_due(self._store, self._keyring, self._installation, self._operations)

    async def _authorize(self, name: str, arguments: dict[str, Any], operator: Operator | None) -> Answer:
        """The order for deferred work. Only reads, because a backup must be possible where nothing can be written."""
        context = self._keyring, self._installation, name, arguments, _LOCAL_OPERATOR, self._operations, operator
        return await self._store.read(lambda tx: perform(cast("Tx", tx), *context))

    async def _test_alerts(self, order: Answer) -> Answer:
        return {"channels": await send_test_alert(self._channels(), order["now"])}

    async def _back_up(self, order: Answer) -> Answer:
        """Copy the database to a new file while commands go on."""
        file, actor = Path(order["file"]), order["actor"]
        with suppress(StoreUnavailable, ChainForked):  # a restore continues the chains that the backup holds
            while await self._store.write(seal) == BATCH_ENTRIES:
                pass
        try:
            made = await self._store.backup(file, self._keyring)
        except StoreRefused as error:
            raise OperationError("backup_refused", str(error)) from None
        with suppress(StoreUnavailable):  # the backup is made, whether that can be recorded or not
            await self._store.write(partial(record_made, actor=actor, file=file, size=made.size, digest=made.digest))
        return {"file": order["file"], "bytes": made.size, "signature": str(signature_of(file))}

    async def _perform(self, operations: list[tuple[str, dict[str, Any]]], operator: Operator | None) -> list[Answer]:
        orders = await asyncio.to_thread(lambda: [preprocess(*order, self._operations) for order in operations])

        def work(tx: Tx) -> list[Answer]:
            tx.write_notes()  # the entries of earlier units of this commit: a timeline shows them with their command
            return [
                perform(tx, self._keyring, self._installation, *order, _LOCAL_OPERATOR, self._operations, operator)
                for order in orders
            ]

        return await self._store.write(work)


def restore(settings: Settings, backup: Path, *, unsigned: bool = False) -> backup_restore.Restored:
    """Replace this installation's database by a backup. Raises `StoreRefused`.

    `unsigned`: also a backup without a good signature.
    """
    lock = DataDirectoryLock(Path(settings.server.data))
    try:
        keyring = load_keyring(settings.key_file)
        checkpoint_file = Path(settings.audit.checkpoint_file) if settings.audit.checkpoint_file else None
        return backup_restore.restore(
            backup,
            database_of(settings),
            keyring,
            SystemClock(),
            unsigned=unsigned,
            checkpoint_file=checkpoint_file,
            first=entries.begin_after_restore,
        )
    finally:
        lock.release()


@asynccontextmanager
async def open_offline(settings: Settings) -> AsyncIterator[Administration]:
    """Administration of a store that no server has open. Raises `StoreRefused`."""
    async with AsyncExitStack() as resources:
        resources.callback(DataDirectoryLock(Path(settings.server.data)).release)
        time = Timekeeper(SystemClock(), settings.engine.clock_step, machine_boot())
        store = open_store(settings, time, lambda _topic, _key, _row=None: None)
        resources.push_async_callback(store.close)
        keyring = await open_keyring(store, settings.key_file)
        channels = partial(build_channels, settings.alerts, os.environ, SystemClock(), store, operators.admin_emails)
        yield Administration(store, keyring, installation_of(settings), channels)


def installation_of(settings: Settings) -> Installation:
    """The names that operations may refer to: connectors of the configuration, commands of the catalogue."""
    return Installation(
        connectors=frozenset(settings.connectors),
        commands=frozenset(COMMANDS),
        sensitive=IGNITION_PAIR,
        reads=READS,
        credentials=credential_uses(settings.connectors),
        delay=settings.changes.delay * SECOND,
        name_spaces=name_spaces(settings.connectors),
    )
