"""The command service and the engine without HTTP: whole lifecycles."""

import asyncio
import itertools
import time
from collections.abc import Iterator

import uvloop

from benchmarks.installation import AWAITED, Installation, vins
from benchmarks.load import Sample, quantile
from benchmarks.node import BenchNode
from keyturn.commands.admission.requests import CommandRequest
from keyturn.commands.model.catalogue import COMMANDS

COMMAND = "alert"
"""Has nothing to verify afterwards: Executed is its end."""
WORKERS = 64


def measure_lifecycle(installation: Installation, vehicles: int, seconds: float) -> Sample:
    """Commands from their acceptance to Executed, with the OEM in process."""
    return uvloop.run(_lifecycle(installation, vehicles, seconds))


async def _lifecycle(installation: Installation, vehicles: int, seconds: float) -> Sample:
    node = BenchNode(installation)
    await node.start()
    requests = await lifecycle_requests(node, AWAITED, vehicles)
    took: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_work(node, requests, started + seconds, took) for _ in range(WORKERS)))
    rate = len(took) / (time.perf_counter() - started)
    await node.stop()
    took.sort()
    return Sample(rate, quantile(took, 0.5), quantile(took, 0.99), len(took))


async def _work(node: BenchNode, requests: Iterator[CommandRequest], until: float, took: list[float]) -> None:
    while (began := time.perf_counter()) < until:
        request = next(requests)
        answer = await node.runtime.service.submit(request)
        took.append(time.perf_counter() - began)
        record = await node.runtime.service.get(request.company_id, str(answer.body["id"]))
        assert record is not None, "it was just registered"
        assert record["status"] == "Success", record


async def lifecycle_requests(
    node: BenchNode, connector: str, vehicles: int, command: str = COMMAND
) -> Iterator[CommandRequest]:
    """The fleet in turn, for ever."""
    row = await node.store.read(lambda tx: tx.one("SELECT company_id, id FROM application"))
    assert row is not None, "the installation has one application"
    company_id, application_id = row
    return (
        CommandRequest(company_id, application_id, frozenset(COMMANDS), vin, command)
        for vin in itertools.cycle(vins(connector, vehicles))
    )
