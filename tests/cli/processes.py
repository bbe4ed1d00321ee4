"""Keyturn's own processes, as a person or a script starts them."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_SECONDS = 30.0
STOP_SECONDS = 30.0


def environment(**settings: str) -> dict[str, str]:
    """This one's, with no setting but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYTURN_")}
    return kept | settings


def keyturn(*words: object, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """A command run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "keyturn", *map(str, words)],
        input=stdin,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Running:
    """A command that runs until it is stopped; `ready` is the first line that it prints."""

    def __init__(self, *words: object, **settings: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "keyturn", *map(str, words)],
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.ready = self._first_line()

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], START_SECONDS)[0]:
            self.kill()
            raise AssertionError("nothing was printed in time")
        return self.process.stdout.readline().decode()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit code, and what was printed on stdout after the first line and on stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, out.decode(), err.decode()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.process.returncode is None:
            self.kill()


class Demo(Running):
    """A demo with instant vehicles; `told` is its JSON line."""

    def __init__(self, data: Path, *, vehicles: int = 3, **settings: str) -> None:
        options = ("--data", data, "--port", 0, "--vehicles", vehicles, "--latency", 0, "--json")
        super().__init__("demo", *options, **settings)
        self.data = data
        if not self.ready:
            raise AssertionError(self.stop()[2])
        self.told: dict[str, Any] = json.loads(self.ready)
