"""``python -m benchmarks``: prepare the data, run every measurement several times, print the table of medians."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from benchmarks import installation
from benchmarks.cores import pin_load
from benchmarks.runs import Installations, measure_all
from benchmarks.startup import measure_help, measure_serve
from benchmarks.table import show
from benchmarks.textbook import seed

OUT = Path("benchmarks/out")
"""On the disk that is measured; everything made there is removed."""


def main() -> None:
    """Run what the command line asks for."""
    arguments = _arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    pin_load()
    with tempfile.TemporaryDirectory(dir=OUT) as directory:
        here = Path(directory).absolute()
        started = {"help": measure_help(), "serve": measure_serve(here / "started")}
        installations = _prepare(here, arguments.vehicles)
        runs = [measure_all(installations, arguments.seconds) | started for _ in range(arguments.runs)]
    show(runs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", "--rounds", type=int, default=3, help="the table shows medians of this many")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each measurement")
    parser.add_argument("--vehicles", type=int, default=20_000, help="each takes one command in a measurement")
    return parser.parse_args()


def _prepare(here: Path, vehicles: int) -> Installations:
    return Installations(
        vehicles,
        held=asyncio.run(installation.prepare(here / "held", vehicles, held=True)),
        free=asyncio.run(installation.prepare(here / "free", vehicles)),
        textbook=seed.prepare(here / "textbook", vehicles),
    )


if __name__ == "__main__":
    main()
