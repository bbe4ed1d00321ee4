"""What keeps the chains of a server: the sealer, the couriers of its checkpoints, and the watch.

The sealer at work: seals what was committed soon after it was, and never in the way of an act.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from keyturn.audit import shipper
from keyturn.audit.checkpoints import Signer, checkpoint_due, make_due_checkpoints
from keyturn.audit.findings import Faults
from keyturn.audit.integrity_monitor import CHAIN_FAULT, IntegrityMonitor
from keyturn.audit.sealing import BATCH_ENTRIES, ChainForked, any_unsealed, seal
from keyturn.audit.shipper import CheckpointShipper, DelayMonitor
from keyturn.audit.sinks import configured_sinks
from keyturn.bus.port import Bus
from keyturn.bus.topics import CHECKPOINT_MADE, ChainId
from keyturn.config.settings import AuditSettings
from keyturn.store.background import run_periodically
from keyturn.store.port import Store, StoreUnavailable


class AuditService:
    """Start it once the store is open; stop it before the store closes and after all others."""

    def __init__(self, store: Store, bus: Bus, signer: Signer, settings: AuditSettings) -> None:
        self._bus = bus
        self._faults = Faults(store)
        self._sealer = Sealer(store, signer, settings, self._faults)
        sinks = configured_sinks(settings)
        self._shippers = [CheckpointShipper(store, name, deliver, self._faults) for name, deliver in sinks.items()]
        self._delays = DelayMonitor(store, tuple(sinks), settings.checkpoint_grace, self._faults)
        kept = Path(settings.checkpoint_file) if settings.checkpoint_file else None
        self._monitor = IntegrityMonitor(store, signer, settings.verify_entries, self._faults, kept)
        self._tasks: list[asyncio.Task[None]] = []
        self._unlisten: Callable[[], None] = lambda: None

    @property
    def broken(self) -> bool:
        """A chain is not what was sealed."""
        return CHAIN_FAULT in self._faults or SEALING_FAULT in self._faults

    @property
    def behind(self) -> tuple[str, ...]:
        """Ways out by which no checkpoint has left for too long."""
        return self._delays.behind

    def wake(self) -> None:
        """Something was committed."""
        self._sealer.wake()

    def start(self) -> None:
        """Begin with what an earlier process left unsealed, undelivered or unverified."""
        self._unlisten = self._bus.listen(CHECKPOINT_MADE, self._checkpoint_made)
        works = [self._sealer.run(), *(each.run() for each in self._shippers), self._monitor.run()]
        works.append(
            run_periodically(self._delays.look, shipper.DELAY_CHECK_INTERVAL, "checkpoints on their way", at_once=False)
        )
        self._tasks = [asyncio.create_task(each, name="audit") for each in works]
        self._sealer.wake()

    async def stop(self) -> None:
        """Seal what is there; what has not left by then leaves at the next start."""
        self._unlisten()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sealer.seal_committed(last=True)

    def _checkpoint_made(self, _chain: ChainId) -> None:
        for each in self._shippers:
            each.wake()


SEALING_FAULT = "sealing"
_GATHER = 0.05
"""Seconds from a commit until its entries are sealed, so that those of many commits are sealed together."""
_AT_MOST = 0.5
"""Seconds between two looks, whatever wake-ups were lost."""
_FAILED = "Entries cannot be sealed, or no checkpoint be made of them; the log says why."
_BROKEN = "An entry was numbered twice, or a chain's head is not its newest link."

log = structlog.get_logger()


class Sealer:
    """Nothing of it is in memory: any number of crashes later it goes on where the store says."""

    def __init__(self, store: Store, signer: Signer, settings: AuditSettings, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._signer = signer
        self._interval = settings.checkpoint_interval
        self._entries = settings.checkpoint_entries
        self._committed = asyncio.Event()

    def wake(self) -> None:
        """Something was committed."""
        self._committed.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._until_committed()
            await self.seal_committed()

    async def seal_committed(self, *, last: bool = False) -> None:
        """Seal everything that is committed, some entries in each unit; then make the checkpoints that are due.

        `last`: what is just being committed too; a read would not see it, and a unit comes after it.
        """
        try:
            if last or await self._store.read(any_unsealed):
                while await self._store.write(seal) == BATCH_ENTRIES:
                    pass
            await self._make_checkpoints()
        except StoreUnavailable:
            return  # the next turn finds the same entries
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

    async def _until_committed(self) -> None:
        try:
            async with asyncio.timeout(_AT_MOST):
                await self._committed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_GATHER)
        self._committed.clear()
