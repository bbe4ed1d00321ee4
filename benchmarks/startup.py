"""Start-up times: of the command line, and of a server until it is ready."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.load import Sample, quantile

TRIES = 7
_KEYTURN = (sys.executable, "-m", "keyturn")


def measure_help() -> Sample:
    """``keyturn --help``, the interpreter's start and ``import keyturn`` included."""
    return _sample([_help() for _ in range(TRIES)])


def measure_serve(data: Path) -> Sample:
    """From ``keyturn serve`` to the line that reports it ready; the first try creates the data directory."""
    return _sample([_serve(data) for _ in range(TRIES)])


def _sample(took: list[float]) -> Sample:
    took.sort()
    return Sample(1 / took[len(took) // 2], quantile(took, 0.5), quantile(took, 0.99), len(took))


def _help() -> float:
    started = time.perf_counter()
    subprocess.run([*_KEYTURN, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _serve(data: Path) -> float:
    command = [*_KEYTURN, "serve", "--data", str(data), "--port", "0"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        took = time.perf_counter() - started
        process.terminate()
    if not ready:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return took
