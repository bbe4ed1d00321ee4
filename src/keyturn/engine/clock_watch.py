"""Compares the clocks, keeps their state in the store, and records when the wall clock was set."""

from contextlib import suppress
from functools import partial

import structlog

from keyturn.audit import journal
from keyturn.commands.model.lifecycle import ENGINE
from keyturn.store import clock_state
from keyturn.store.background import retry_until_available
from keyturn.store.port import Store, StoreUnavailable, Tx
from keyturn.timekeeping import Timekeeper

log = structlog.get_logger()


class ClockWatch:
    """Watches the wall clock of one process."""

    def __init__(self, store: Store, time: Timekeeper) -> None:
        self._store = store
        self._time = time
        self._recorded_fault = False

    async def check(self) -> bool:
        """Compare the clocks; whether a fault began or ended, which is recorded. Raises `StoreUnavailable`."""
        kept = await self._store.read(clock_state.load)
        self._time.accept(kept)
        fault, seconds = self._time.check(), round(self._time.gap, 3)
        if self._time.differs_from(kept):
            await self._store.write(partial(clock_state.save, state=self._time.state()))
        if fault == self._recorded_fault:
            return False
        self._recorded_fault = fault
        if fault:
            log.warning("the wall clock was set", seconds=seconds)
            entry = partial(journal.record, kind="clock.fault", seconds=seconds)
        else:
            log.warning("the wall clock is believed again")
            entry = partial(journal.record, kind="clock.recovered")
        await retry_until_available(partial(self._store.write, partial(entry, company_id=None, actor=ENGINE)))
        return True

    async def keep(self) -> None:
        """Commit once more, which saves the clocks if they were set; an unavailable store keeps what it has."""
        with suppress(StoreUnavailable):
            await self._store.write(_nothing)


def _nothing(_tx: Tx) -> None:
    pass
