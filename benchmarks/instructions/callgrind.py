"""Starts and stops valgrind's callgrind from Python, and reads what it counted."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_SOURCE = """
#include <valgrind/callgrind.h>
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void stop(void) { CALLGRIND_DUMP_STATS; CALLGRIND_STOP_INSTRUMENTATION; }
"""
_TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)


class NoCounter(Exception):
    """valgrind or a C compiler is missing; the message says what to install."""


class Counter:
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
            raise NoCounter(f"Counting instructions needs {tool}: install Debian's packages valgrind and gcc.")
    source, library = folder / "counter.c", folder / "counter.so"
    source.write_text(_SOURCE)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], check=True)
    return library


def run(module: str, arguments: Sequence[str], output: Path) -> tuple[int, str]:
    """Run a module under callgrind; the instructions that it counted, and what it printed."""
    command = [
        *("valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet", f"--callgrind-out-file={output}"),
        *(sys.executable, "-X", "frozen_modules=on", "-m", module, *arguments),
    ]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    dumped = output.with_name(f"{output.name}.1")
    found = _TOTALS.search(dumped.read_text(errors="replace")) if dumped.exists() else None
    if found is None:
        raise NoCounter(f"callgrind counted nothing: {done.stdout}")
    return int(found[1]), done.stdout
