"""What keeps the chains of a server: the sealer, the couriers of its checkpoints, and the watch."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from keyturn.audit import shipper
from keyturn.audit.checkpoints import Signer
from keyturn.audit.findings import Faults
from keyturn.audit.integrity_monitor import CHAIN_FAULT, IntegrityMonitor
from keyturn.audit.sealing_loop import SEALING_FAULT, Sealer
from keyturn.audit.shipper import CheckpointShipper, Lateness
from keyturn.audit.sinks import configured
from keyturn.bus.port import Bus
from keyturn.bus.topics import CHECKPOINT_MADE, ChainId
from keyturn.config.settings import AuditSettings
from keyturn.store.background import run_periodically
from keyturn.store.port import Store


class AuditService:
    """Start it once the store is open; stop it before the store closes and after all others."""

    def __init__(self, store: Store, bus: Bus, signer: Signer, settings: AuditSettings) -> None:
        self._bus = bus
        self._faults = Faults(store)
        self._sealer = Sealer(store, signer, settings, self._faults)
        outlets = configured(settings)
        self._couriers = [CheckpointShipper(store, name, deliver, self._faults) for name, deliver in outlets.items()]
        self._lateness = Lateness(store, tuple(outlets), settings.checkpoint_grace, self._faults)
        kept = Path(settings.checkpoint_file) if settings.checkpoint_file else None
        self._watch = IntegrityMonitor(store, signer, settings.verify_entries, self._faults, kept)
        self._tasks: list[asyncio.Task[None]] = []
        self._unlisten: Callable[[], None] = lambda: None

    @property
    def broken(self) -> bool:
        """A chain is not what was sealed."""
        return CHAIN_FAULT in self._faults or SEALING_FAULT in self._faults

    @property
    def behind(self) -> tuple[str, ...]:
        """Ways out by which no checkpoint has left for too long."""
        return self._lateness.behind

    def wake(self) -> None:
        """Something was committed."""
        self._sealer.wake()

    def start(self) -> None:
        """Begin with what an earlier process left unsealed, undelivered or unverified."""
        self._unlisten = self._bus.listen(CHECKPOINT_MADE, self._checkpoint_made)
        works = [self._sealer.run(), *(courier.run() for courier in self._couriers), self._watch.run()]
        works.append(
            run_periodically(self._lateness.look, shipper.LOOK_EVERY, "checkpoints on their way", at_once=False)
        )
        self._tasks = [asyncio.create_task(each, name="audit") for each in works]
        self._sealer.wake()

    async def stop(self) -> None:
        """Seal what is there; what has not left by then leaves at the next start."""
        self._unlisten()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sealer.turn(last=True)

    def _checkpoint_made(self, _chain: ChainId) -> None:
        for courier in self._couriers:
            courier.wake()
