"""A short run of the crash harness, which several tests look at."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from verification.crash.run_result import CrashResult
from verification.crash.running import Run, run
from verification.crash.scenario import Scenario

SHORT = Scenario(
    seed=2, kills=4, clients=24, vehicles=20, latency=0.1, life=(0.3, 0.6),
    code_life=1.0, send_wait=1.5, answer_wait=1.5, answer_timeout=1.0,
)  # fmt: skip


@dataclass(frozen=True)
class ShortRun:
    """Runs once, in its folder."""

    folder: Path

    @cached_property
    def ended(self) -> tuple[Run, CrashResult]:
        return asyncio.run(run(SHORT, self.folder))

    @property
    def left(self) -> CrashResult:
        return self.ended[1]
