"""Tests run against one mutant, in a process of their own that is forked from this one.

What is imported here is imported once for all of them; the product is not, so that each imports it with its mutant.
"""

import contextlib
import importlib.abc
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from enum import StrEnum
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import aiohttp
import cryptography.hazmat.primitives.ciphers.aead
import httpx2
import hypothesis
import prometheus_client
import pytest
import starlette.routing
import structlog
import uvicorn

from verification.mutants.mutant import ROOT, SOURCES, Mutant

PRELOADED = (
    aiohttp, cryptography.hazmat.primitives.ciphers.aead, httpx2, prometheus_client, starlette.routing, structlog,
    uvicorn,
)  # fmt: skip
"""What every test would import again otherwise."""
_TICK = 0.01
_OPTIONS = (
    "-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler",
    "--hypothesis-seed=0", "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip


class Verdict(StrEnum):
    KILLED = "killed"
    """A test failed."""
    BROKEN = "broken"
    """The tests could not even be collected: the module raised when it was imported."""
    STUCK = "stuck"
    """The time was over, or the process died."""
    SURVIVED = "survived"


_VERDICTS = {0: Verdict.SURVIVED, 1: Verdict.KILLED, 2: Verdict.BROKEN, 4: Verdict.BROKEN}


def run_tests(mutant: Mutant | None, tests: Sequence[str], within: float) -> Verdict:
    """Run these files under ``tests`` for `within` seconds at most; without a mutant, on the product as it is."""
    home = tempfile.mkdtemp(prefix="mutant-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    child = os.fork()
    if child == 0:
        _run(mutant, tests, home)
    try:
        return _VERDICTS.get(_awaited(child, within), Verdict.STUCK)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _awaited(child: int, within: float) -> int:
    """The exit status; negative: it had to be killed, with all that it had started."""
    until = time.monotonic() + within
    try:
        while time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(_TICK)
        return -signal.SIGKILL
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def _run(mutant: Mutant | None, tests: Sequence[str], home: str) -> None:
    status = 3
    try:
        os.setsid()
        os.chdir(ROOT)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        if mutant is not None:
            sys.meta_path.insert(0, _Instead(mutant))
        hypothesis.settings.register_profile("mutants", database=None, phases=[hypothesis.Phase.generate])
        hypothesis.settings.load_profile("mutants")
        paths = [str(ROOT / "tests" / test) for test in tests]
        status = int(pytest.main([*_OPTIONS, f"--basetemp={home}/tests", *paths]))
    finally:
        os._exit(status)


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant when its module is imported; nothing is written anywhere."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = ".".join(Path(mutant.file).relative_to(SOURCES.parent).with_suffix("").parts)

    def find_spec(self, fullname: str, _path: object = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=self._mutant.file)

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._mutant.file
        exec(compile(self._mutant.text, self._mutant.file, "exec", dont_inherit=True), module.__dict__)
