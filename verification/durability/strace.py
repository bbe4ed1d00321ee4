"""System calls of a process and its threads, as strace logs them.

strace handles one stop at a time and writes each down, so the order of lines is an order in which things happened: a
call whose end is written before another's beginning was over before the other began.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

NEVER = sys.maxsize
"""Ends a call that the process did not live to see return."""
_TRACED = (
    "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,ftruncate,truncate,fallocate,"
    "fdatasync,fsync,sync_file_range,unlink,unlinkat,rename,renameat,renameat2"
)
_LONGEST = 1_048_576
_WHOLE = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?)")
_BEGUN = re.compile(r"(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)\) += (-?\d+|\?)")
_SUBJECT = re.compile(r"\d+<((?:TCP|TCPv6|UNIX[^:]*):\[[^\]]*\]|[^>]*)>")


class TruncatedLog(ValueError):
    """A buffer was longer than the log keeps."""


class Call(NamedTuple):
    """One system call: `began` and `ended` are lines of the log."""

    began: int
    ended: int
    name: str
    arguments: str
    result: int | None
    """None: it never returned."""

    @property
    def subject(self) -> str:
        """The path or socket of its first descriptor; empty without one."""
        match = _SUBJECT.match(self.arguments)
        return _text(match[1]) if match else ""

    def buffers(self) -> list[bytes]:
        """Every string among the arguments. Raises TruncatedLog."""
        parts = self.arguments.split('"')
        if any(part.startswith("...") for part in parts[2::2]):
            raise TruncatedLog(self.name)
        return [_bytes(part) for part in parts[1::2]]

    def last_number(self) -> int:
        """The last argument."""
        return int(self.arguments.rpartition(", ")[2])


def tracing(log: Path, injections: Sequence[str] = ()) -> list[str]:
    """Prefix of a command line that has it traced, and tampered with by `-e inject=`.

    The process stays the caller's own child.
    """
    return ["strace", "-D", "--seccomp-bpf", *_logging(log, injections)]


def attaching(log: Path, pid: int, injections: Sequence[str] = ()) -> list[str]:
    """A command that traces a running process until it is terminated, with errors injected by `-e inject=`."""
    return ["strace", *_logging(log, injections), "-p", str(pid)]


def _logging(log: Path, injections: Sequence[str]) -> list[str]:
    traced = ",".join(
        (_TRACED, *(injection.partition(":")[0] for injection in injections))
    )  # only these are tampered with
    wanted = [word for injection in injections for word in ("-e", f"inject={injection}")]
    return ["-f", "-yy", "-xx", "-s", str(_LONGEST), "-o", str(log), "-e", f"trace={traced}", *wanted]


def is_complete(log: Path, pid: int) -> bool:
    """Whether the process has ended and all of its calls are in the log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        return re.search(rf"(?m)^{pid} +\+\+\+ ".encode(), file.read()) is not None


def read_calls(lines: Iterable[str]) -> list[Call]:
    """The calls in the order in which they began."""
    return sorted(_calls(lines))


def _calls(lines: Iterable[str]) -> Iterator[Call]:
    open_calls: dict[str, tuple[int, str, str]] = {}
    for number, line in enumerate(lines):
        pid, _, text = line.rstrip("\n").partition(" ")
        text = text.lstrip()
        if match := _BEGUN.match(text):
            open_calls[pid] = (number, match[1], match[2])
        elif match := _RESUMED.match(text):
            began, name, arguments = open_calls.pop(pid)
            yield Call(began, number, name, arguments + match[1], _result(match[2]))
        elif match := _WHOLE.match(text):
            yield Call(number, number, match[1], match[2], _result(match[3]))
    for began, name, arguments in open_calls.values():
        yield Call(began, NEVER, name, arguments, None)


def _result(text: str) -> int | None:
    return None if text == "?" else int(text)


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _text(subject: str) -> str:
    return _bytes(subject).decode(errors="surrogateescape") if subject.startswith("\\x") else subject
