"""Ships every checkpoint to every sink, in order, at least once, and reports sinks that are delayed.

A checkpoint protects nothing before it has left the machine, so a delay is a fault, whatever its reason.
"""

import asyncio
from collections.abc import Collection
from functools import partial

import structlog

from keyturn.audit.checkpoints import SignedStatement, highest_checkpoint_id
from keyturn.audit.findings import Faults
from keyturn.audit.sinks import Deliver, DeliveryFailed
from keyturn.clock import after, iso_time
from keyturn.store.port import ReadTx, Row, Store, StoreUnavailable, Tx

_POLL_INTERVAL = 5.0
"""Longest time between two passes in seconds, in case a wake-up was lost."""
_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Pauses in seconds after the first, second, ... failure in a row; the last one repeats."""

_NEXT = "SELECT id, statement, signature, key FROM chain_checkpoint WHERE id > :delivered ORDER BY id LIMIT 1"
_LAST_DELIVERED = "SELECT delivered FROM checkpoint_outlet WHERE name = :name"
_SET_DELIVERED = """
INSERT INTO checkpoint_outlet (name, delivered) VALUES (:name, :delivered)
ON CONFLICT (name) DO UPDATE SET delivered = excluded.delivered
"""

_NEVER_MADE: Row = ()

log = structlog.get_logger()


class CheckpointShipper:
    """Ships checkpoints to one sink, from the last one that the store records as delivered."""

    def __init__(self, store: Store, name: str, deliver: Deliver, faults: Faults) -> None:
        self._store = store
        self._name = name
        self._deliver = deliver
        self._faults = faults
        self._made = asyncio.Event()

    def wake(self) -> None:
        """A checkpoint was made."""
        self._made.set()

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            self._made.clear()
            try:
                while await self._deliver_next():
                    failures = 0
                    self._faults.clear(self._name)
            except DeliveryFailed as error:
                await self._faults.report(self._name, str(error))
                failures += 1
            except StoreUnavailable:
                pass
            except Exception:
                log.exception("a checkpoint could not be delivered", sink=self._name)
                failures += 1
            await self._pause(failures)

    async def _deliver_next(self) -> bool:
        """Deliver one checkpoint; False: all are delivered."""
        row = await self._store.read(partial(_next, name=self._name))
        if row is _NEVER_MADE:
            await self._faults.report(self._name, f"{self._name} is recorded to have a checkpoint that was never made.")
            await self._store.write(partial(_set_delivered, name=self._name, delivered=0))
            return True
        if row is None:
            return False
        number, *signed = row
        await self._deliver(SignedStatement(*signed).line)
        await self._store.write(partial(_set_delivered, name=self._name, delivered=number))
        return True

    async def _pause(self, failures: int) -> None:
        if failures:
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1])
            return
        try:
            async with asyncio.timeout(_POLL_INTERVAL):
                await self._made.wait()
        except TimeoutError:
            return


def _next(tx: ReadTx, name: str) -> Row | None:
    """`_NEVER_MADE`: the recorded position is beyond every checkpoint, and would block the sink for ever."""
    row = tx.one(_LAST_DELIVERED, name=name)
    delivered = row[0] if row else 0
    if not isinstance(delivered, int) or delivered > highest_checkpoint_id(tx):
        return _NEVER_MADE
    return tx.one(_NEXT, delivered=delivered)


def _set_delivered(tx: Tx, name: str, delivered: int) -> None:
    tx.run(_SET_DELIVERED, name=name, delivered=delivered)


DELAY_CHECK_INTERVAL = 15.0
"""Seconds between two checks and before the first, which gives time to ship what the last process left."""

_OLDEST = """
SELECT statement, signature, key FROM chain_checkpoint
WHERE id > coalesce((SELECT delivered FROM checkpoint_outlet WHERE name = :name), 0) ORDER BY id LIMIT 1
"""


class DelayMonitor:
    """`delayed_sinks`: names of the sinks to which a checkpoint has not been delivered for `grace` seconds."""

    def __init__(self, store: Store, sinks: Collection[str], grace: float, faults: Faults) -> None:
        self.delayed_sinks: tuple[str, ...] = ()
        self._store = store
        self._sinks = sinks
        self._grace = grace
        self._faults = faults

    async def check(self) -> None:
        """Check every sink; a delay is reported once, until the sink has caught up."""
        made = {
            name: await self._store.read(partial(_oldest_late, name=name, grace=self._grace)) for name in self._sinks
        }
        self.delayed_sinks = tuple(name for name, at in made.items() if at is not None)
        for name, at in made.items():
            subject = f"{name} behind"
            if at is None:
                self._faults.clear(subject)
            else:
                await self._faults.report(
                    subject, f"No checkpoint has been delivered to {name} since that of {iso_time(at)} was made."
                )


def _oldest_late(tx: ReadTx, name: str, grace: float) -> int | None:
    """Instant of the oldest undelivered checkpoint, if it is older than `grace` seconds."""
    row = tx.one(_OLDEST, name=name)
    if row is None:
        return None
    statement = SignedStatement(*map(str, row)).read()
    made = statement.at if statement else 0
    return made if tx.now > after(made, grace) else None
