"""``python -m benchmarks``: prepare the data, measure in interleaved rounds, print the table of medians."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks import installation
from benchmarks.cores import pin_load
from benchmarks.instructions.callgrind import NoCounter
from benchmarks.instructions.counting import count_all
from benchmarks.interleaved import Installations
from benchmarks.results.comparison import committed, grown, missed
from benchmarks.results.rows import counted_rows, timed_rows, write_rows
from benchmarks.runs import measure_all
from benchmarks.startup import measure_help, measure_serve
from benchmarks.table import show
from benchmarks.textbook import seed

OUT = Path("benchmarks/out")
"""On the disk that is measured; everything made there is removed."""


def main() -> None:
    """Run what the command line asks for."""
    arguments = _arguments()
    if arguments.instructions or arguments.check:
        counted = counted_instructions()
        if arguments.json:
            write_rows(arguments.json, counted_rows(counted))
        if not arguments.check:
            return
    OUT.mkdir(parents=True, exist_ok=True)
    pin_load()
    with tempfile.TemporaryDirectory(dir=OUT) as directory:
        here = Path(directory).absolute()
        started = {"help": measure_help(), "serve_ready": measure_serve(here / "started")}
        measured = measure_all(_prepare(here, arguments.vehicles), arguments.rounds, arguments.seconds)
        measured.alone.update(started)
    show(measured)
    if arguments.json and not arguments.check:
        write_rows(arguments.json, timed_rows(measured))
    if arguments.check:
        problems = [*grown(counted, committed()), *missed(measured.rounds)]
        sys.exit("\n".join(problems) or None)


def counted_instructions() -> dict[str, int]:
    """Count every item, print and return it."""
    try:
        return {counted.name: counted.instructions for counted in count_all()}
    except NoCounter as missing:
        sys.exit(str(missing))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", "--runs", type=int, default=9, help="the table shows medians of this many")
    parser.add_argument("--seconds", type=float, default=0.6, help="length of each measurement of a round")
    parser.add_argument("--vehicles", type=int, default=20_000, help="each takes one command in a measurement")
    parser.add_argument(
        "--instructions", action="store_true", help="count instructions under valgrind, and time nothing"
    )
    parser.add_argument(
        "--check", action="store_true", help="count and time; fail where a figure is worse than it may be"
    )
    parser.add_argument("--json", type=Path, help="write the rows to this file, too")
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
