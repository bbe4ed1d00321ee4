"""The sealer at work: seals what was committed soon after it was, and never in the way of an act."""

import asyncio
from functools import partial

import structlog

from keyturn.audit.checkpoints import Signer, any_due, make_due
from keyturn.audit.findings import Faults
from keyturn.audit.sealing import AT_ONCE, ChainForked, any_unsealed, seal
from keyturn.config.settings import AuditSettings
from keyturn.store.port import Store, StoreUnavailable

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
            await self.turn()

    async def turn(self, *, last: bool = False) -> None:
        """Seal everything that is committed, some entries in each unit; then make the checkpoints that are due.

        `last`: what is just being committed too; a read would not see it, and a unit comes after it.
        """
        try:
            if last or await self._store.read(any_unsealed):
                while await self._store.write(seal) == AT_ONCE:
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
        if await self._store.read(partial(any_due, interval=self._interval, entries=self._entries)):
            await self._store.write(
                partial(make_due, signer=self._signer, interval=self._interval, entries=self._entries)
            )

    async def _until_committed(self) -> None:
        try:
            async with asyncio.timeout(_AT_MOST):
                await self._committed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_GATHER)
        self._committed.clear()
