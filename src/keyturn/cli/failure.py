"""Failures of a command: an exit code, and one sentence on stderr."""

import sys
from enum import IntEnum

from keyturn.printable import printable_json, printable_lines


class Exit(IntEnum):
    """Exit codes of the process (docs/cli.md)."""

    DONE = 0
    REFUSED = 1
    """The operation was refused, or the command ended in `Error`."""
    USAGE = 2
    """Wrong usage or configuration."""
    UNREACHABLE = 3
    """The server or the store cannot be reached, or cannot start."""
    BROKEN = 4
    """An audit chain is broken, or went through a restore that is not acknowledged."""


class Failure(Exception):
    """Ends the process with `status`. `code` is stable, the message is one sentence, `more` is added to the JSON."""

    def __init__(self, status: Exit, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.more = more


def usage(message: str) -> Failure:
    """A failure for wrong usage."""
    return Failure(Exit.USAGE, "usage", message)


def print_failure(failure: Failure, *, as_json: bool) -> None:
    """Write the failure to stderr."""
    fields = {"code": failure.code, **failure.more, "detail": str(failure)}
    print(printable_json(fields) if as_json else f"keyturn: {printable_lines(str(failure))}", file=sys.stderr)
