"""Writes audit entries, each in the transaction of the act that it records; alerts are derived from them."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from keyturn.store.port import Tx

_INSERT = """
INSERT INTO entry (company_id, at, actor, kind, vehicle_id, command_id, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
"""


class Written(NamedTuple):
    """An entry of the transaction that is under way: a note that is sealed at its end, or writes itself unsealed."""

    company: str | None
    at: int
    actor: str
    kind: str
    vehicle: str | None
    command: str | None
    text: str
    """The body in JSON."""
    body: Mapping[str, object]

    def write(self, tx: Tx) -> None:
        """Insert it without a number, which the sealer gives it."""
        tx.run(_INSERT, *self[:7])


def record(
    tx: Tx,
    kind: str,
    *,
    company_id: str | None,
    actor: str,
    vehicle_id: str | None = None,
    command_id: str | None = None,
    **body: object,
) -> None:
    """Append one entry. `company_id` None: it belongs to the installation. `body`: JSON-ready, without secrets."""
    append(tx, kind, company_id, actor, vehicle_id, command_id, body)


def append(
    tx: Tx,
    kind: str,
    company_id: str | None,
    actor: str,
    vehicle_id: str | None,
    command_id: str | None,
    body: Mapping[str, object],
) -> None:
    """As `record`."""
    text = msgspec.json.encode(body).decode()
    tx.remember(Written(company_id, tx.now, actor, kind, vehicle_id, command_id, text, body))
