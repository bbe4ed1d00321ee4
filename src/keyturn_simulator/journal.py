"""The simulator's durable state: a file of JSON lines, each the records of one event, written whole or not at all."""

import asyncio
import os
from pathlib import Path

import msgspec

from keyturn_simulator.operations import Actuation, Operation
from keyturn_simulator.vehicles.state import Condition

FILE_NAME = "simulator.journal"


class Founded(msgspec.Struct, frozen=True, tag="founded"):
    """Fresh data begin here; everything before is forgotten."""

    at: int
    latency_median: float


class ClockMoved(msgspec.Struct, frozen=True, tag="clock"):
    offset: int


class LatencySet(msgspec.Struct, frozen=True, tag="latency"):
    median: float


class Tried(msgspec.Struct, frozen=True, tag="tried"):
    """A command call met its vehicle's fault."""

    vin: str
    client_ref: str


Record = Founded | ClockMoved | LatencySet | Tried | Condition | Operation | Actuation


class JournalError(Exception):
    """The journal cannot be read; the text names the line."""


class Journal:
    """Appends events; one fsync in a thread covers all that piled up meanwhile. Without a folder nothing is kept."""

    def __init__(self, data_dir: Path | None) -> None:
        self._path = None if data_dir is None else data_dir / FILE_NAME
        self._encoder = msgspec.json.Encoder()
        self._waiting: list[bytes] = []
        self._appended = 0
        self._durable = 0
        self._writing: asyncio.Task[None] | None = None

    def load(self) -> list[Record]:
        """Every record so far; a line torn by a crash is cut off the file's end. Raises `JournalError`."""
        if self._path is None:
            return []
        lines = whole_lines(self._path)
        return [record for number, line in enumerate(lines, 1) for record in decoded(line, number)]

    def append(self, *records: Record) -> None:
        if self._path is not None:
            self._waiting.append(self._encoder.encode(records) + b"\n")
            self._appended += 1

    async def durable(self) -> None:
        """Returns when everything appended before the call is on disk; a write that failed stays failed."""
        target = self._appended
        while self._durable < target:
            if self._writing is None:
                self._writing = asyncio.create_task(self._write())
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        if self._path is not None:
            await asyncio.to_thread(write, self._path, b"".join(lines))
        self._durable += len(lines)
        self._writing = None


def whole_lines(path: Path) -> list[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        file.seek(0)
        *lines, torn = file.read().split(b"\n")
        file.truncate(file.tell() - len(torn))
    return lines


def write(path: Path, lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def decoded(line: bytes, number: int) -> list[Record]:
    try:
        return msgspec.json.decode(line, type=list[Record])
    except msgspec.DecodeError as error:
        raise JournalError(f"line {number} of {FILE_NAME} is damaged: {error}") from error
