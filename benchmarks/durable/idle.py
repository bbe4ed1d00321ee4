"""How soon an idle node calls the OEM: from the last byte of a request on a socket to the call of the connector.

A disk may take long for a fdatasync, and that is not Keyturn's: after each request one is timed on the same disk, eight
pages of a file written beforehand, as a commit writes its log. One commit lies between a request and the OEM, so what
one fdatasync takes beyond 0.25 ms is subtracted.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

from benchmarks.installation import ANSWERED, Installation, vins
from benchmarks.load import Sample, expected_length, quantile
from benchmarks.node import BenchNode
from benchmarks.requests import VEHICLE_COMMAND, signed_posts

COMMAND = "alert"
TRIES = 300
PAUSE = 0.02
"""Seconds; every command is long done by the next."""
ALLOWED = 0.00025
"""Seconds of the fdatasync that stay in the figure."""
_PAGES = bytes(8 * 4096)
_FILE_SIZE = 16 << 20


class Idle(NamedTuple):
    """`corrected` is the figure: `measured` less what the disk took too long. `fdatasync`: p50 in milliseconds."""

    corrected: Sample
    measured: Sample
    fdatasync: float


def measure_idle(installation: Installation) -> Idle:
    """Requests one at a time, with pauses, to a node on this core."""
    return uvloop.run(_idle(installation))


def less_sync(measured: Sample, fdatasync: float) -> Sample:
    """Less what the fdatasync takes beyond what is allowed; `fdatasync` in milliseconds."""
    beyond = max(0.0, fdatasync - ALLOWED * 1e3)
    return measured._replace(p50=measured.p50 - beyond, p99=measured.p99 - beyond)


async def _idle(installation: Installation) -> Idle:
    node = BenchNode(installation)
    url = await node.start()
    await node.at_rest()
    oem = node.oems[ANSWERED]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    took: list[float] = []
    synced: list[float] = []
    with _log_like_file(installation.data) as handle:
        for post in signed_posts(VEHICLE_COMMAND, installation, vins(ANSWERED, TRIES), COMMAND):
            oem.called.clear()
            writer.write(post)
            asked = time.perf_counter()
            await oem.called.wait()
            took.append(oem.called_at - asked)
            await _answer(reader)
            await asyncio.sleep(PAUSE)
            synced.append(_synced(handle, len(synced)))
    writer.close()
    await node.stop()
    took.sort()
    synced.sort()
    measured = Sample(1 / (sum(took) / len(took)), quantile(took, 0.5), quantile(took, 0.99), len(took))
    fdatasync = quantile(synced, 0.5)
    return Idle(less_sync(measured, fdatasync), measured, fdatasync)


async def _answer(reader: asyncio.StreamReader) -> None:
    received = b""
    while not (length := expected_length(received)) or len(received) < length:
        received += await reader.read(65_536)
    if not received.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(received[:400].decode(errors="replace"))


@contextmanager
def _log_like_file(place: Path) -> Iterator[int]:
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(bytes(_FILE_SIZE))
        file.flush()
        os.fsync(file.fileno())
        yield file.fileno()


def _synced(handle: int, number: int) -> float:
    began = time.perf_counter()
    os.pwrite(handle, _PAGES, number * len(_PAGES) % _FILE_SIZE)
    os.fdatasync(handle)
    return time.perf_counter() - began
