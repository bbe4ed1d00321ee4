"""``python -m benchmarks.million``: start, rates and verification with a million commands, beside an empty one."""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.cores import on_server_core, pin_load, served
from benchmarks.engine import measure_lifecycle
from benchmarks.installation import ANSWERED, Installation, newest_commands, prepare, vins
from benchmarks.load import Sample, measure
from benchmarks.million.fill import COMMANDS, fill
from benchmarks.node import BenchNode, serve_keyturn
from benchmarks.requests import VEHICLE_COMMAND, gets, signed_posts
from keyturn.store.sqlite.directory import FILE_NAME

PLACE = Path("benchmarks/out/million")
VEHICLES = 50_000
"""Behind each of two connectors."""
_MANY = 64
_READ = 500


class Pair(NamedTuple):
    """The same installation without and with the rows."""

    empty: Installation
    full: Installation


def made(place: Path, commands: int) -> Pair:
    """What an earlier run left in `place`, or a new pair."""
    kept = place / "installations.json"
    if kept.exists():
        return Pair(*(Installation(Path(data), *rest) for data, *rest in msgspec.json.decode(kept.read_bytes())))
    place.mkdir(parents=True)
    empty = asyncio.run(prepare(place / "empty", VEHICLES))
    full = empty._replace(data=Path(shutil.copytree(empty.data, place / "full")))
    print(f"{commands:,} commands in {fill(full.data, commands):.0f} s", flush=True)
    kept.write_bytes(msgspec.json.encode([[str(each.data), *each[1:]] for each in (empty, full)]))
    return Pair(empty, full)


def ratio(pair: Pair, rounds: int, rate: Callable[[Installation], Sample]) -> str:
    """Rates of both in turns, and the median of their ratios."""
    found = [(rate(pair.empty).rate, rate(pair.full).rate) for _ in range(rounds)]
    ratios = sorted(full / empty for empty, full in found)
    empty, full = (statistics.median(column) for column in zip(*found, strict=True))
    return f"{empty:8,.0f} {full:8,.0f} a second: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def start_seconds(installation: Installation, *, cold: bool) -> float:
    """From opening the data to a node that serves; `cold`: the kernel was asked to forget the file first."""
    if cold:
        handle = os.open(installation.data / FILE_NAME, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
    return on_server_core(_start, installation)


def _start(installation: Installation) -> float:
    return asyncio.run(_started(installation))


async def _started(installation: Installation) -> float:
    node = BenchNode(installation)
    began = time.perf_counter()
    await node.start()
    took = time.perf_counter() - began
    await node.stop()
    return took


def _posts(installation: Installation, seconds: float) -> Sample:
    with served(serve_keyturn, installation) as port:
        names = vins(ANSWERED, VEHICLES)
        return measure(port, cycle(signed_posts(VEHICLE_COMMAND, installation, names, "alert")), _MANY, seconds)


def _gets(installation: Installation, seconds: float) -> Sample:
    with served(serve_keyturn, installation) as port:
        read = cycle(gets(installation, newest_commands(installation.data, _READ)))
        return measure(port, read, _MANY, seconds)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="fill again")
    parser.add_argument("--commands", type=int, default=COMMANDS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement")
    given = parser.parse_args()
    if given.fresh:
        shutil.rmtree(PLACE, ignore_errors=True)
    pin_load()
    pair = made(PLACE, given.commands)
    for name, installation in pair._asdict().items():
        hot, cold = start_seconds(installation, cold=False), start_seconds(installation, cold=True)
        print(f"start, {name}: {cold:.2f} s cold, {hot:.2f} s hot", flush=True)
    lifecycle = ratio(pair, given.rounds, lambda each: on_server_core(measure_lifecycle, each, VEHICLES, given.seconds))
    print(f"lifecycles   {lifecycle}", flush=True)
    print(f"POST         {ratio(pair, given.rounds, lambda each: _posts(each, given.seconds))}", flush=True)
    print(f"GET          {ratio(pair, given.rounds, lambda each: _gets(each, given.seconds))}", flush=True)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "keyturn", "audit", "verify", "--data", str(pair.full.data)], check=False
    )
    print(f"verification: {time.perf_counter() - began:.0f} s, exit code {done.returncode}")


if __name__ == "__main__":
    main()
