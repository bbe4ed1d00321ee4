"""What this user may do here, and how a child is kept from doing what only root may."""

import ctypes
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_SYS_ADMIN = 1, 2, 21


def obey_file_modes() -> None:
    """In a child before it becomes another program: root, too, is bound by what files and directories say."""
    system = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        system.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def may_mount() -> bool:
    """Whether this process may mount file systems."""
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> _CAP_SYS_ADMIN & 1)


@contextmanager
def memory_disk(at: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes in memory."""
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "keyturn-test", at], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def make_read_only(at: Path) -> None:
    """Nothing can be written to that file system any more."""
    subprocess.run(["mount", "-o", "remount,ro", at], check=True)
