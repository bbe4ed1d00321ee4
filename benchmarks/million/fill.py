"""Fills an installation as years of use would: final commands with their entries, sealed, and what is open now."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import msgspec

from keyturn.audit.sealing import seal
from keyturn.commands.admission.registration import uuid7
from keyturn.commands.model.record import COLUMNS, Command
from keyturn.commands.model.states import State, Status
from keyturn.store.sqlite.connection import connect
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.transaction import SqliteTx
from keyturn.timekeeping import Moment

COMMANDS, OPEN, IMMOBILISED = 1_000_000, 50_000, 5_000
_PIECE = 20_000
"""Commands in one transaction."""
_YEAR = 365 * 86_400 * 1_000_000
_COMMAND = f"INSERT INTO command ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)})"
_OPEN = """
INSERT INTO open_command (command_id, vehicle_id, name, state, lane_number, segment, lane_slot, wake_at)
VALUES (?, ?, 'diagnostics', 'Accepted', NULL, NULL, NULL, ?)
"""
_ENTRY = """
INSERT INTO entry (company_id, at, actor, kind, vehicle_id, command_id, body) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_EVIDENCE = """
INSERT INTO vehicle_evidence (vehicle_id, report, track, seen_at)
SELECT id, '{"signals":{"speed":{"value":0.0,"observed_at":1,"as_of":1,"received_at":1,"source":"oem"}}}', '{}', ?
FROM vehicle WHERE true ON CONFLICT DO NOTHING
"""
_IMMOBILISE = """
INSERT INTO immobilisation (company_id, vehicle_id, opened_by, state, opened_at, actor, account_id, external_id)
SELECT v.company_id, v.id, (SELECT id FROM command WHERE vehicle_id = v.id LIMIT 1), 'confirmed', ?, 'bench',
       v.account_id, v.external_id
FROM vehicle v ORDER BY v.id LIMIT ?
"""
_BODIES = {
    "command.registered": b'{"status":"Pending"}',
    "command.Dispatching": b'{"status":"Pending","from":"Queued","external_id":"car","account_id":"account"}',
    "command.Executed": b'{"status":"Success","from":"Dispatching","verdict":"succeeded","exchange":null}',
}


def fill(data: Path, commands: int = COMMANDS, open_ones: int = OPEN, immobilised: int = IMMOBILISED) -> float:
    """Fill the closed database of `data`; the seconds that it took."""
    began = time.perf_counter()
    with closing(connect(data / FILE_NAME, "rw")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        vehicles: list[Any] = connection.execute(
            "SELECT id, company_id, account_id, vin FROM vehicle ORDER BY id"
        ).fetchall()
        now = time.time_ns() // 1000
        for first in range(0, commands, _PIECE):
            _piece(connection, vehicles, range(first, min(first + _PIECE, commands)), now, commands, open_ones)
        with connection:
            connection.execute(_EVIDENCE, (now,))
            connection.execute(_IMMOBILISE, (now, immobilised))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return time.perf_counter() - began


def _piece(
    connection: apsw.Connection, vehicles: list[Any], numbers: range, now: int, commands: int, open_ones: int
) -> None:
    made = list(_commands(vehicles, numbers, now, commands, open_ones))
    with connection:
        connection.executemany(_COMMAND, (msgspec.structs.astuple(command) for command in made))
        waiting = [command for command in made if command.state is State.ACCEPTED]
        connection.executemany(_OPEN, ((each.id, each.vehicle_id, each.answer_deadline) for each in waiting))
        connection.executemany(_ENTRY, _entries(made))
        tx = SqliteTx(connection, Moment(now, now))
        while seal(tx, limit=_PIECE):
            pass
        tx.end()


def _commands(vehicles: list[Any], numbers: range, now: int, commands: int, open_ones: int) -> Iterator[Command]:
    for number in numbers:
        vehicle, company, account, vin = vehicles[number % len(vehicles)]
        at = now - _YEAR + number * (_YEAR // commands) - 60_000_000
        is_open = number >= commands - open_ones
        yield Command(
            id=uuid7(at),
            company_id=company,
            actor="bench",
            vehicle_id=vehicle,
            account_id=account,
            vin=vin,
            name="diagnostics",
            state=State.ACCEPTED if is_open else State.EXECUTED,
            fence=3,
            epoch=1,
            status=Status.PENDING if is_open else Status.SUCCESS,
            detail="{}" if is_open else '{"date_time":"2026-01-01 00:00:00"}',
            created_at=at,
            updated_at=at,
            post_code=200,
            sent_at=at,
            answer_deadline=now + _YEAR,
            operation='{"id":"op"}',
            may_have_executed=True,
        )


def _entries(commands: list[Command]) -> Iterator[tuple[object, ...]]:
    for command in commands:
        for kind, body in _BODIES.items():
            yield command.company_id, command.created_at, "bench", kind, command.vehicle_id, command.id, body.decode()
