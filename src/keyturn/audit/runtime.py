"""Runs the audit of a server: the sealer, the checkpoint shippers, and the integrity monitor."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from keyturn.audit import shipper
from keyturn.audit.checkpoints import Signer, checkpoint_due, make_due_checkpoints
from keyturn.audit.findings import Faults
from keyturn.audit.integrity_monitor import CHAIN_FAULT, IntegrityMonitor
from keyturn.audit.journal import Written
from keyturn.audit.sealing import BATCH_ENTRIES, ChainForked, any_unsealed, seal, seal_written
from keyturn.audit.shipper import CheckpointShipper, DelayMonitor
from keyturn.audit.sinks import configured_sinks
from keyturn.bus.port import Bus
from keyturn.bus.topics import CHECKPOINT_MADE, ChainId
from keyturn.config.settings import AuditSettings
from keyturn.store.background import run_periodically
from keyturn.store.port import Note, Store, StoreUnavailable, Tx

SEALING_FAULT = "sealing"
_BATCH_DELAY = 0.05
"""Seconds from a commit that left entries unsealed until they are, so that those of many are sealed together."""
_POLL_INTERVAL = 0.5
"""Longest time between two passes in seconds: checkpoints become due, and another process may have written."""
_FAILED = "Entries cannot be sealed, or no checkpoint can be made; the log has the reason."
_BROKEN = "An entry was numbered twice, or a chain's head is not its newest link."

log = structlog.get_logger()


class Sealer:
    """Seals entries within the commit that writes them. What that could not seal, and what an earlier process left, it
    seals soon after: all progress is in the store.
    """

    def __init__(self, store: Store, signer: Signer, settings: AuditSettings, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._signer = signer
        self._interval = settings.checkpoint_interval
        self._entries = settings.checkpoint_entries
        self._left_unsealed = asyncio.Event()
        self._left_unsealed.set()

    def seal_written(self, tx: Tx, notes: Sequence[Note]) -> None:
        """Conclude a commit (`Store.conclude_with`): write and seal its entries, which are all the notes there are."""
        sealed = False
        try:
            sealed = seal_written(tx, [note for note in notes if isinstance(note, Written)])
        finally:
            if not sealed:
                self._left_unsealed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._until_left()
            await self.seal_committed()

    async def seal_committed(self, *, last: bool = False) -> None:
        """Seal everything that is committed, in batches; then make the checkpoints that are due.

        `last`: also what is just being committed. A read would not see it, but a unit of work runs after it.
        """
        try:
            if last:
                await self._store.write(Tx.write_notes)
            if last or await self._store.read(any_unsealed):
                while await self._store.write(seal) == BATCH_ENTRIES:
                    pass
            await self._make_checkpoints()
        except StoreUnavailable:
            return  # the next pass finds the same entries
        except ChainForked:
            await self._faults.report(SEALING_FAULT, _BROKEN)
        except Exception:
            log.exception("sealing failed")
            await self._faults.report(SEALING_FAULT, _FAILED)
        else:
            self._faults.clear(SEALING_FAULT)

    async def _make_checkpoints(self) -> None:
        if await self._store.read(partial(checkpoint_due, interval=self._interval, entries=self._entries)):
            await self._store.write(
                partial(make_due_checkpoints, signer=self._signer, interval=self._interval, entries=self._entries)
            )

    async def _until_left(self) -> None:
        try:
            async with asyncio.timeout(_POLL_INTERVAL):
                await self._left_unsealed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_BATCH_DELAY)
        self._left_unsealed.clear()


class AuditService:
    """Start it once the store is open; stop it before the store closes and after everything that writes entries."""

    def __init__(self, store: Store, bus: Bus, signer: Signer, settings: AuditSettings) -> None:
        self._bus = bus
        self._store = store
        self._faults = Faults(store)
        self._sealer = Sealer(store, signer, settings, self._faults)
        sinks = configured_sinks(settings)
        self._shippers = [CheckpointShipper(store, name, deliver, self._faults) for name, deliver in sinks.items()]
        self._delays = DelayMonitor(store, tuple(sinks), settings.checkpoint_grace, self._faults)
        file = Path(settings.checkpoint_file) if settings.checkpoint_file else None
        self._monitor = IntegrityMonitor(store, signer, settings.verify_entries, self._faults, file)
        self._tasks: list[asyncio.Task[None]] = []
        self._unlisten: Callable[[], None] = lambda: None

    @property
    def broken(self) -> bool:
        """Whether a chain failed verification or cannot be sealed."""
        return CHAIN_FAULT in self._faults or SEALING_FAULT in self._faults

    @property
    def delayed_sinks(self) -> tuple[str, ...]:
        """Names of the sinks that have had no checkpoint for too long."""
        return self._delays.delayed_sinks

    def start(self) -> None:
        """Start the background tasks, with what an earlier process left unsealed, undelivered or unverified."""
        self._unlisten = self._bus.listen(CHECKPOINT_MADE, self._checkpoint_made)
        tasks = [self._sealer.run(), *(each.run() for each in self._shippers), self._monitor.run()]
        tasks.append(
            run_periodically(
                self._delays.check, shipper.DELAY_CHECK_INTERVAL, "checkpoints on their way", at_once=False
            )
        )
        self._tasks = [asyncio.create_task(each, name="audit") for each in tasks]
        self._store.conclude_with(self._sealer.seal_written)

    async def stop(self) -> None:
        """Stop the tasks and seal what is committed; undelivered checkpoints are delivered after the next start."""
        self._unlisten()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sealer.seal_committed(last=True)

    def _checkpoint_made(self, _chain: ChainId) -> None:
        for each in self._shippers:
            each.wake()
