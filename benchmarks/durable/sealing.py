"""``python -m benchmarks.durable.sealing``: how long an entry stays without its number at a given rate of entries.

Entries are written at a steady rate, and a read looks for unsealed ones every few milliseconds. In the second row
every commit leaves its entries unsealed: that is what the sealer keeps up with while a fault lasts.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

import uvloop

from benchmarks.__main__ import OUT
from benchmarks.load import quantile
from keyturn.audit import journal, runtime
from keyturn.audit.findings import Faults
from keyturn.audit.runtime import Sealer
from keyturn.audit.sealing import any_unsealed
from keyturn.auth.keyfile import JwtKey, Keys
from keyturn.auth.keyring import Keyring
from keyturn.clock import SystemClock
from keyturn.config.settings import AuditSettings
from keyturn.store.port import ReadTx, Store, Tx
from keyturn.store.sqlite.store import open_sqlite

COMPANIES = 20
ENTRIES_A_UNIT = 3
LOOK_EVERY = 0.005
"""Seconds; `behind` is that much too short at most."""
_KEYRING = Keyring(Keys("aa" * 32, "bb" * 32, (JwtKey("kid", "cc" * 32),), "dd" * 32))
_OLDEST_UNSEALED = "SELECT seq FROM entry WHERE number IS NULL ORDER BY seq LIMIT 1"


class Behind:
    """When each entry was durable, and how long the oldest unsealed one had been at each look."""

    def __init__(self) -> None:
        self._durable: dict[int, float] = {}
        self.seconds: list[float] = []

    def written(self, newest: int) -> None:
        """A unit is durable."""
        self._durable[newest] = time.perf_counter()

    def look(self, tx: ReadTx) -> None:
        """Note the age of the oldest unsealed entry; 0: there is none."""
        row, now = tx.one(_OLDEST_UNSEALED), time.perf_counter()
        since = [at for newest, at in self._durable.items() if row is not None and newest >= row[0]]
        self.seconds.append(now - min(since, default=now))
        self._durable = {newest: at for newest, at in self._durable.items() if row is not None and newest >= row[0]}


def main() -> None:
    """Measure both, print."""
    arguments = _arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    for name, concludes in (("sealed within the commit", True), ("left to the sealer", False)):
        with tempfile.TemporaryDirectory(dir=OUT) as directory:
            rate, behind = uvloop.run(_measure(Path(directory), arguments.rate, arguments.seconds, concludes))
        shown = ", ".join(f"p{share * 100:g} {quantile(behind, share):.0f} ms" for share in (0.5, 0.99))
        print(f"{name}: {rate:.0f} entries/s, behind {shown}, at most {behind[-1] * 1e3:.0f} ms ({len(behind)} looks)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.durable.sealing", description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="entries per second")
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser.parse_args()


async def _measure(directory: Path, rate: int, seconds: float, concludes: bool) -> tuple[float, list[float]]:
    """Entries per second, and the sorted looks."""
    behind, units = Behind(), int(rate * seconds / ENTRIES_A_UNIT)
    async with _sealed_store(directory, concludes) as store:
        looking = asyncio.create_task(_look(store, behind))
        began = time.perf_counter()
        async with asyncio.TaskGroup() as writing:
            for unit in range(units):
                await asyncio.sleep(began + unit * ENTRIES_A_UNIT / rate - time.perf_counter())
                writing.create_task(_write(store, unit, behind))
        took = time.perf_counter() - began
        looking.cancel()
    return units * ENTRIES_A_UNIT / took, sorted(behind.seconds)


@asynccontextmanager
async def _sealed_store(directory: Path, concludes: bool) -> AsyncIterator[Store]:
    store = open_sqlite(directory / "data", SystemClock(), lambda _topic, _key, _row=None: None)
    sealer = Sealer(store, _KEYRING, AuditSettings(), Faults(store))
    store.conclude_with(sealer.seal_written)
    running = asyncio.create_task(sealer.run())
    try:
        with nullcontext() if concludes else patch.object(runtime, "seal_written", return_value=False):
            yield store
        await sealer.seal_committed(last=True)
        assert not await store.read(any_unsealed)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


async def _write(store: Store, unit: int, behind: Behind) -> None:
    behind.written(await store.write(partial(_record, unit=unit)))


def _record(tx: Tx, unit: int) -> int:
    """Entries as one command has them; returns the newest one's `seq`."""
    for step in ("Queued", "Dispatching", "Success"):
        command, company = f"command-{unit}", f"company-{unit % COMPANIES}"
        journal.record(
            tx, "command.state", company_id=company, actor="engine", command_id=command, to=step, verdicts=[]
        )
    row = tx.one("SELECT max(seq) FROM entry")
    assert row is not None
    return int(row[0])


async def _look(store: Store, behind: Behind) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        await store.read(behind.look)


if __name__ == "__main__":
    main()
