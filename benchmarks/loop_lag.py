"""``python -m benchmarks.loop_lag``: how late the event loop runs while thousands of OEM operations are followed.

The status of every operation is requested every five seconds. The figures are those of ``/metrics``.
"""

import argparse
import asyncio
import re
import tempfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from benchmarks.__main__ import OUT
from benchmarks.installation import Installation, prepare, settings_at
from benchmarks.node import BenchNode
from keyturn.config.settings import EngineSettings, ServerSettings

ASK_EVERY = 5.0
"""Seconds between two status requests for an operation."""
_BUCKET = re.compile(r'^keyturn_event_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.]+)$', re.MULTILINE)


class Lag(NamedTuple):
    """`looks` is the number of samples; `within` counts those that were at most so many seconds late."""

    looks: float
    within: dict[float, float]

    def quantile(self, share: float) -> float:
        """The smallest bucket bound, in seconds, within which this share of the looks lies."""
        return min(bound for bound, count in self.within.items() if count >= share * self.looks)


def main() -> None:
    """Prepare, measure, print."""
    arguments = _arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as directory:
        installation = asyncio.run(prepare(Path(directory).absolute() / "loop-lag", arguments.operations, held=True))
        begun, steady = uvloop.run(_measure(installation, arguments.operations, arguments.seconds))
    for name, lag in (("taking them up", begun), ("steady", steady)):
        shown = ", ".join(f"p{share * 100:g} <= {lag.quantile(share) * 1000:g} ms" for share in (0.5, 0.99, 0.999))
        print(f"{arguments.operations} operations in flight, {name}: loop lag {shown} ({lag.looks:.0f} looks)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop_lag", description=__doc__)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    return parser.parse_args()


async def _measure(installation: Installation, operations: int, seconds: float) -> tuple[Lag, Lag]:
    node = FollowingNode(installation)
    await node.start()
    try:
        await node.at_rest()
        if node.runtime.engine.busy != operations:
            raise RuntimeError(f"{node.runtime.engine.busy} of {operations} operations are followed")
        begun = await _lag(node)
        await asyncio.sleep(seconds)
        whole = await _lag(node)
    finally:
        await node.stop()
    within = {bound: count - begun.within[bound] for bound, count in whole.within.items()}
    return begun, Lag(whole.looks - begun.looks, within)


class FollowingNode(BenchNode):
    """Polls often, sweeps as an installation does, and serves its metrics."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation)
        server = ServerSettings(
            port=0, data=str(installation.data), metrics_host="127.0.0.1", metrics_port=METRICS_PORT
        )
        self._settings = msgspec.structs.replace(settings_at(installation.data), server=server, engine=EngineSettings())
        for oem in self.oems.values():
            oem.capabilities = msgspec.structs.replace(
                oem.capabilities, follow_floor=ASK_EVERY, follow_ceiling=ASK_EVERY
            )


METRICS_PORT = 19_464


async def _lag(node: BenchNode) -> Lag:
    url = f"http://127.0.0.1:{METRICS_PORT}/metrics"
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    within = {float(bound): float(count) for bound, count in _BUCKET.findall(text)}
    return Lag(within[float("inf")], within)


if __name__ == "__main__":
    main()
