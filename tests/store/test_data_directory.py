"""One Keyturn to a data directory."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyturn.store.data_directory import DataDirectoryLock
from keyturn.store.port import StoreRefused

HOLD = """
import sys
from pathlib import Path
from keyturn.store.data_directory import DataDirectoryLock
lock = DataDirectoryLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with another_holder(directory) as holder:
        with pytest.raises(StoreRefused) as refused:
            DataDirectoryLock(directory)
        assert str(refused.value) == f"{directory} is in use by another Keyturn (pid {holder.pid})."


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    with another_holder(tmp_path):
        pass
    DataDirectoryLock(tmp_path).release()


def test_a_released_lock_can_be_taken_again_and_a_held_one_cannot(tmp_path: Path) -> None:
    DataDirectoryLock(tmp_path).release()
    lock = DataDirectoryLock(tmp_path)
    with pytest.raises(StoreRefused, match="in use"):
        DataDirectoryLock(tmp_path)
    lock.release()


def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreRefused, match=f"{tmp_path / 'data'} cannot be used"):
        DataDirectoryLock(tmp_path / "data")
