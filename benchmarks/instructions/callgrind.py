"""Starts and stops valgrind's callgrind from Python, and reads what it counted."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HEADER = Path("/usr/include/valgrind/callgrind.h")
_SOURCE = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void stop(void) { CALLGRIND_DUMP_STATS_AT("counted"); CALLGRIND_STOP_INSTRUMENTATION; }
"""
_TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)
_DEBIAN = "On Debian: apt-get install valgrind gcc libc6-dev."


class NoCounter(Exception):
    """Something that counting needs is missing; the message says what to install."""


class Callgrind:
    """Within a process that `run` started: counts from `start` to `stop`, once."""

    def __init__(self, library: Path) -> None:
        self._calls = ctypes.CDLL(str(library))

    def start(self) -> None:
        self._calls.start()

    def stop(self) -> None:
        self._calls.stop()


def build(folder: Path) -> Path:
    """Compile the requests to valgrind into a library in `folder`. Raises `NoCounter`."""
    for tool in ("valgrind", "gcc"):
        if shutil.which(tool) is None:
            raise NoCounter(f"Counting instructions needs {tool}. {_DEBIAN}")
    if not HEADER.exists():
        raise NoCounter(f"Counting instructions needs {HEADER}. {_DEBIAN}")
    source, library = folder / "counter.c", folder / "counter.so"
    source.write_text(_SOURCE)
    compiled = subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], capture_output=True, text=True
    )
    if compiled.returncode:
        raise NoCounter(f"gcc cannot compile the requests to valgrind: {compiled.stderr}")
    return library


def run(module: str, argument: str, output: Path) -> tuple[int, str]:
    """Run a module under callgrind; the instructions that it counted, and what it printed. Raises `NoCounter`.

    `output`: the file of callgrind; the counts are in the one beside it that ends in ``.1``.
    """
    command = [
        *("valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet", f"--callgrind-out-file={output}"),
        *(sys.executable, "-m", module, argument),
    ]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    dumped = dump_of(output)
    found = _TOTALS.search(dumped.read_text(errors="replace")) if dumped.exists() else None
    if done.returncode or found is None:
        raise NoCounter(f"The counted process ended with {done.returncode}: {done.stdout}")
    return int(found[1]), done.stdout


def dump_of(output: Path) -> Path:
    """The file with what was counted from `start` to `stop`."""
    return output.with_name(f"{output.name}.1")
