"""`make` runs from an environment of the Python that it was asked for, never from one of another version."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def interpreter(path: Path, version: str) -> Path:
    """A stand-in that says which version it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    interpreter(tmp_path / "bin" / "python3", "3.12")
    interpreter(tmp_path / "other" / "python", "3.13")
    return tmp_path


def used(clone: Path, *arguments: str) -> str:
    """The environment whose pytest `make test` would run."""
    environment = {"PATH": f"{clone / 'bin'}:/usr/bin:/bin"}
    command = ["make", "-n", "test", *arguments]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if " -m pytest " in line]
    return line.partition("/")[0]


@pytest.mark.parametrize(
    ("present", "asked", "expected"),
    [
        (None, (), ".venv"),
        (None, ("PYTHON=other/python",), ".venv-3.13"),
        ("3.12", (), ".venv"),
        ("3.12", ("PYTHON=bin/python3",), ".venv"),
        ("3.12", ("PYTHON=other/python",), ".venv-3.13"),
        ("3.11", (), ".venv-3.12"),
    ],
)
def test_an_environment_of_another_version_is_not_used(
    clone: Path, present: str | None, asked: tuple[str, ...], expected: str
) -> None:
    if present is not None:
        interpreter(clone / ".venv" / "bin" / "python", present)
        (clone / ".venv" / ".ready").touch()
    assert used(clone, *asked) == expected
