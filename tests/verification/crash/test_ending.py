"""However the harness ends, no process of its outlives it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WITHIN = 30.0


def until(check: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + WITHIN
    while not check():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def cloud_pid(folder: Path) -> int:
    """The process of a simulated OEM; 0: there is none yet."""
    return next((int(lock.read_text() or 0) for lock in folder.glob("*/cloud-north/lock")), 0)


def is_gone(pid: int) -> bool:
    """Ended, though its parent may not have reaped it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_processes_end_with_the_harness(tmp_path: Path, how: signal.Signals, code: int) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "verification.crash"], cwd=ROOT, env=environment) as harness:
        until(lambda: cloud_pid(tmp_path) > 0)
        cloud = cloud_pid(tmp_path)
        harness.send_signal(how)
        assert harness.wait(WITHIN) == code
    until(lambda: is_gone(cloud))
    assert how is signal.SIGKILL or list(tmp_path.iterdir()) == []
