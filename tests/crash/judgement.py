"""What the OEM saw, held against what the rows say."""

import sqlite3
from collections import Counter

from keyturn_simulator import Simulator

_ACTUATING = """
SELECT id, state, coalesce(outcome, ''), may_have_executed FROM command WHERE name NOT IN ('location', 'diagnostics')
"""
_OWNING_UP = {"Dispatching", "Accepted", "Executed", "Verified", "Unknown"}


def assert_done_once(connection: sqlite3.Connection, simulator: Simulator) -> None:
    """Each command reached the OEM once at most, and its row owns up to what the vehicle did."""
    memory = simulator.simulation.memory
    actuations = Counter(actuation.client_ref for actuation in memory.ledger.all())
    rows = connection.execute(_ACTUATING).fetchall()
    assert actuations.keys() <= {command_id for command_id, *_ in rows}
    for command_id, state, outcome, may_have_executed in rows:
        assert len(memory.operations.by_ref(command_id)) <= 1
        assert actuations[command_id] <= 1
        if actuations[command_id]:
            assert state in _OWNING_UP
            assert may_have_executed
        if outcome == "succeeded":
            assert actuations[command_id] == 1
