"""``python -m benchmarks.instructions``: instructions of each item, counted under valgrind, or its Python functions."""

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.instructions.callgrind import NoCounter
from benchmarks.instructions.counting import ITEMS, Bench
from benchmarks.instructions.profile import show_functions


def main() -> None:
    """Count, or profile, what the command line asks for."""
    arguments = _arguments()
    items = arguments.item or list(ITEMS)
    with tempfile.TemporaryDirectory() as folder:
        try:
            bench = Bench(Path(folder))
            for item in items:
                if arguments.functions:
                    show_functions(bench, item, arguments.functions)
                else:
                    print(bench.count(item).line(), flush=True)
        except NoCounter as missing:
            raise SystemExit(str(missing)) from None
        if arguments.keep is not None:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            for file in Path(folder).glob("*.callgrind"):
                shutil.copy(file, arguments.keep)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--item", action="append", choices=ITEMS, help="one of them, and again; all without any")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep ITEM.callgrind, for callgrind_annotate")
    parser.add_argument(
        "--functions",
        type=int,
        metavar="COUNT",
        nargs="?",
        const=60,
        help="do not count: profile, and show so many Python functions by calls and share of an item",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
