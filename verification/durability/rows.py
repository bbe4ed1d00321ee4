"""Rows of commands, codes and idempotency keys."""

import sqlite3
from typing import NamedTuple

_COMMANDS = "SELECT id, vin, name, state, status, send_by, attempts FROM command"
_OPEN_CODES = "SELECT command_id, tries FROM open_code"
_REDEEMED_CODES = "SELECT command_id FROM redeemed_code"
_KEYS = "SELECT key, command_id FROM idempotency_key"
_UNSENT = ("Confirming", "AwaitingApproval", "Queued")


class Command(NamedTuple):
    vin: str
    name: str
    state: str
    status: str
    send_by: int | None
    attempts: int

    @property
    def confirming(self) -> bool:
        return self.state == "Confirming"

    @property
    def may_be_sent(self) -> bool:
        """Its intent was written, and nothing excludes that the OEM has it."""
        return self.send_by is not None and (self.state not in _UNSENT or self.attempts > 0)


class Rows(NamedTuple):
    """All of them, by command id; `keys` leads there from a key."""

    commands: dict[str, Command]
    open_codes: dict[str, int]
    """Wrong tries so far."""
    redeemed: frozenset[str]
    keys: dict[str, str]


def read_rows(connection: sqlite3.Connection) -> Rows:
    """Raises sqlite3.Error."""
    return Rows(
        {row[0]: Command(*row[1:]) for row in connection.execute(_COMMANDS)},
        dict(connection.execute(_OPEN_CODES)),
        frozenset(row[0] for row in connection.execute(_REDEEMED_CODES)),
        dict(connection.execute(_KEYS)),
    )
