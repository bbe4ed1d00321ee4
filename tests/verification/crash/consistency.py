"""What a server left and what the OEM saw, put before the crash harness's checks."""

import sqlite3
from pathlib import Path

from verification.checks import audit, record, sending
from verification.crash.api_client import RequestLog
from verification.crash.run_result import CloudSending, CrashResult, Records, read_records
from verification.crash.scenario import Installation

from keyturn_simulator import Simulator


def assert_consistent(connection: sqlite3.Connection) -> None:
    """The file is whole, and every row's state is where the transitions of its audit entries end."""
    records = read_records(connection)
    assert records.whole == "ok"
    assert list(audit.audited(_left(records, []).common)) == []


def assert_done_once(connection: sqlite3.Connection, simulator: Simulator) -> None:
    """Each command reached the OEM once at most, and its row owns up to what the vehicle did."""
    records, memory = read_records(connection), simulator.simulation.memory
    did = [actuation.client_ref for actuation in memory.ledger.all()]
    assert records.commands.keys() >= set(did)
    sendings = [
        CloudSending("first", operation, did.count(command_id))
        for command_id in records.commands
        for operation in memory.operations.by_ref(command_id)
    ]
    left = _left(records, sendings).common
    assert [*sending.at_most_once(left), *record.certain_ends(left)] == []


def _left(records: Records, sendings: list[CloudSending]) -> CrashResult:
    nothing = Installation(Path(), [])
    return CrashResult(records, sendings, nothing, RequestLog(), uptimes=[], problems=[])
