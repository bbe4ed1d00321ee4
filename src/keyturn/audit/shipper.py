"""The courier: brings every checkpoint out by every way, in order, until it has arrived. One may arrive twice.

Ways out that stay behind: a checkpoint that has not left for long protects nothing, whatever the reason is.
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
"""Seconds between two looks, whatever wake-ups were lost."""
_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds after the first, second, ... failure in a row; the last one goes on."""

_NEXT = "SELECT id, statement, signature, key FROM chain_checkpoint WHERE id > :delivered ORDER BY id LIMIT 1"
_LAST_DELIVERED = "SELECT delivered FROM checkpoint_outlet WHERE name = :name"
_SET_DELIVERED = """
INSERT INTO checkpoint_outlet (name, delivered) VALUES (:name, :delivered)
ON CONFLICT (name) DO UPDATE SET delivered = excluded.delivered
"""

_NEVER_MADE: Row = ()

log = structlog.get_logger()


class CheckpointShipper:
    """Serves one way out, from where the store says that it is."""

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
        """For ever."""
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
                log.exception("a checkpoint could not be delivered", outlet=self._name)
                failures += 1
            await self._pause(failures)

    async def _deliver_next(self) -> bool:
        """False: everything has left by this way."""
        row = await self._store.read(partial(_next, name=self._name))
        if row is _NEVER_MADE:
            await self._faults.report(self._name, f"{self._name} is said to have had a checkpoint that was never made.")
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
    """`_ASTRAY`: the store names a checkpoint as delivered that was never made; behind it nothing would ever leave."""
    row = tx.one(_LAST_DELIVERED, name=name)
    delivered = row[0] if row else 0
    if not isinstance(delivered, int) or delivered > highest_checkpoint_id(tx):
        return _NEVER_MADE
    return tx.one(_NEXT, delivered=delivered)


def _set_delivered(tx: Tx, name: str, delivered: int) -> None:
    tx.run(_SET_DELIVERED, name=name, delivered=delivered)


DELAY_CHECK_INTERVAL = 15.0
"""Seconds; the first look is so long after the start, when what was left by the last process should have left."""

_OLDEST = """
SELECT statement, signature, key FROM chain_checkpoint
WHERE id > coalesce((SELECT delivered FROM checkpoint_outlet WHERE name = :name), 0) ORDER BY id LIMIT 1
"""


class DelayMonitor:
    """`behind` names the ways out by which a checkpoint has not left for `grace` seconds."""

    def __init__(self, store: Store, outlets: Collection[str], grace: float, faults: Faults) -> None:
        self.behind: tuple[str, ...] = ()
        self._store = store
        self._outlets = outlets
        self._grace = grace
        self._faults = faults

    async def look(self) -> None:
        """Once; what stays behind is told once, until it has caught up."""
        made = {
            name: await self._store.read(partial(_oldest_late, name=name, grace=self._grace)) for name in self._outlets
        }
        self.behind = tuple(name for name, at in made.items() if at is not None)
        for name, at in made.items():
            about = f"{name} behind"
            if at is None:
                self._faults.clear(about)
            else:
                await self._faults.report(
                    about, f"No checkpoint has left by {name} since that of {iso_time(at)} was made."
                )


def _oldest_late(tx: ReadTx, name: str, grace: float) -> int | None:
    """When the oldest checkpoint was made that has not left; None: there is none of that age."""
    row = tx.one(_OLDEST, name=name)
    if row is None:
        return None
    statement = SignedStatement(*map(str, row)).read()
    made = statement.at if statement else 0
    return made if tx.now > after(made, grace) else None
