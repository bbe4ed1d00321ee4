"""What a server left and what the OEM saw, put before the crash harness's checks."""

import sqlite3
from pathlib import Path

from verification.crash.caller import Book
from verification.crash.checks import record, sending
from verification.crash.run_result import Records, RunResult, Sending, read_records
from verification.crash.scenario import Installation

from keyturn_simulator import Simulator


def assert_consistent(connection: sqlite3.Connection) -> None:
    """The file is whole, and every row's state is the end of exactly the transitions that the audit log tells."""
    records = read_records(connection)
    assert records.whole == "ok"
    assert list(record.audited(_left(records, []))) == []


def assert_done_once(connection: sqlite3.Connection, simulator: Simulator) -> None:
    """Each command reached the OEM once at most, and its row owns up to what the vehicle did."""
    records, memory = read_records(connection), simulator.simulation.memory
    did = [actuation.client_ref for actuation in memory.ledger.all()]
    assert records.commands.keys() >= set(did)
    sendings = [
        Sending("first", operation, did.count(command_id))
        for command_id in records.commands
        for operation in memory.operations.by_ref(command_id)
    ]
    left = _left(records, sendings)
    assert [*sending.at_most_once(left), *record.certain_ends(left)] == []


def _left(records: Records, sendings: list[Sending]) -> RunResult:
    nothing = Installation(Path(), [])
    return RunResult(records, sendings, nothing, Book(), lives=[], complaints=[])
