"""Every transition is in the table, fenced, and told in the transaction that made it; nothing else changes a state."""

import msgspec
import pytest

from keyturn.bus.topics import COMMAND_CHANGED, COMMAND_DUE, COMMAND_FINAL, VEHICLE_HAS_WORK
from keyturn.commands.model import lifecycle, record
from keyturn.commands.model.lifecycle import NotATransition
from keyturn.commands.model.states import TRANSITIONS, State
from keyturn.store.port import Tx
from tests.store.adapters import adapter
from tests.support.command_env import CommandEnv
from tests.support.enrolment import Names

from .drafts import draft, written

CONTRACT = {
    "Confirming": "Queued AwaitingApproval Refused Expired Cancelled",
    "AwaitingApproval": "Queued Refused Expired Cancelled",
    "Queued": "Dispatching Refused Failed Expired Cancelled Unknown",
    "Dispatching": "Queued Accepted Executed Failed Refused Unknown Expired",
    "Accepted": "Executed Failed Refused Unknown",
    "Unknown": "Executed Failed",
    "Executed": "Verified",
    "Verified": "",
    "Refused": "",
    "Failed": "",
    "Expired": "",
    "Cancelled": "",
}
"""The contract's drawing, with Queued to Failed for a POST that stops waiting for what the OEM could not take, and
Queued to Unknown for what an older epoch of the store left behind."""


def test_the_table_is_the_contracts() -> None:
    assert {str(state): set(map(str, ends)) for state, ends in TRANSITIONS.items()} == {
        state: set(ends.split()) for state, ends in CONTRACT.items()
    }


@pytest.mark.parametrize("state", [state for state in State if CONTRACT[state]])
def test_a_transition_happens_and_is_told_once(env: CommandEnv, state: State) -> None:
    ends = CONTRACT[state].split()

    def move_to_each(tx: Tx) -> list[str]:
        moved = [lifecycle.move(tx, written(tx, draft(env.names, state)), State(end)) for end in ends]
        return [command.id for command in moved if command is not None]

    for command_id, end in zip(env.do(move_to_each), ends, strict=True):
        command = env.row(command_id)
        assert (command.state, command.fence) == (end, 2)
        assert env.told(command) == ["command.registered", f"command.{end}"]


def test_a_transition_that_is_not_in_the_table_is_a_defect(env: CommandEnv) -> None:
    def try_them_all(tx: Tx) -> None:
        for state in State:
            command = written(tx, draft(env.names, state))
            for end in set(State) - {State(end) for end in CONTRACT[state].split()}:
                with pytest.raises(NotATransition):
                    lifecycle.move(tx, command, end)
            assert record.load(tx, command.id) == command

    env.do(try_them_all)


def test_an_entry_says_who_did_what_from_where(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names))

    env.do(lifecycle.move, command, State.CANCELLED, actor="application", extra={"reason": "asked"})

    (entry,) = env.rows(
        "SELECT company_id, at, actor, vehicle_id, body FROM entry WHERE command_id = :id AND kind = :kind",
        id=command.id,
        kind="command.Cancelled",
    )
    assert entry[:4] == (env.names.company, env.clock.now(), "application", env.names.vehicle)
    assert msgspec.json.decode(entry[4]) == {"status": "Error", "from": "Queued", "reason": "asked"}


def test_a_transition_and_its_entry_are_undone_together(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names))

    def fail_after_moving(tx: Tx) -> None:
        lifecycle.move(tx, command, State.CANCELLED)
        raise LookupError

    with pytest.raises(LookupError):
        env.do(fail_after_moving)

    assert env.row(command) == command
    assert env.told(command) == ["command.registered"]
    assert env.open_row(command) is not None


def test_a_transition_without_its_entry_is_impossible(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names))

    def move_without_a_log(tx: Tx) -> None:
        tx.run("ALTER TABLE entry RENAME TO elsewhere")
        lifecycle.move(tx, command, State.CANCELLED)

    with pytest.raises(adapter().statement_refused, match="entry"):
        env.do(move_without_a_log)

    assert env.row(command) == command


@pytest.mark.parametrize("late", [State.CANCELLED, State.EXPIRED, State.DISPATCHING])
def test_writer_with_a_stale_row_loses(env: CommandEnv, late: State) -> None:
    stale = env.do(written, draft(env.names))
    winner = env.do(lifecycle.move, stale, State.DISPATCHING, lane_slot=0)

    assert env.do(lifecycle.move, stale, late, outcome="late") is None

    assert env.row(stale) == winner
    assert env.told(stale) == ["command.registered", "command.Dispatching"]
    row = env.open_row(stale)
    assert row is not None
    assert (row.state, row.lane_slot) == (State.DISPATCHING, 0)


def test_a_note_and_a_post_s_answer_are_fenced_too(env: CommandEnv) -> None:
    stale = env.do(written, draft(env.names, State.UNKNOWN))
    winner = env.do(lifecycle.move, stale, State.FAILED)

    assert env.do(lifecycle.record_note, stale, "found", operation="{}") is None
    assert env.do(lifecycle.record_response, stale, 200) is None
    assert env.do(lifecycle.expose_as_error, stale) is None

    assert env.row(stale) == winner
    assert env.told(stale) == ["command.registered", "command.Failed"]


def test_every_fenced_write_raises_the_fence(env: CommandEnv) -> None:
    def write_thrice(tx: Tx, names: Names) -> list[int]:
        command = written(tx, draft(names, State.UNKNOWN))
        noted = lifecycle.record_note(tx, command, "found", operation="{}")
        assert noted is not None
        settled = lifecycle.record_response(tx, noted, 200)
        assert settled is not None
        revealed = lifecycle.expose_as_error(tx, settled)
        assert revealed == record.load(tx, command.id)
        return [row.fence for row in (command, noted, settled, revealed) if row]

    assert env.do(write_thrice, env.names) == [1, 2, 3, 4]


def test_listeners_get_the_row_as_it_was_written(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names))

    moved = env.do(lifecycle.move, command, State.CANCELLED)

    assert moved is not None
    assert env.handed[COMMAND_CHANGED, command.id] == env.handed[COMMAND_FINAL, command.id] == moved
    assert env.row(command.id) == moved
    assert [key for topic, key in env.announced if topic == COMMAND_FINAL] == [command.id]


@pytest.mark.parametrize("end", [State.CANCELLED, State.DISPATCHING])
@pytest.mark.parametrize("others", [0, 1])
def test_an_end_is_told_to_the_vehicles_other_commands(env: CommandEnv, others: int, end: State) -> None:
    command = env.do(written, draft(env.names))
    for _ in range(others):
        env.do(written, draft(env.names))
    env.announced.clear()

    env.do(lifecycle.move, command, end)

    told = (VEHICLE_HAS_WORK, env.names.vehicle) in env.announced
    assert told is (others > 0 and end is not State.DISPATCHING)


def test_what_waits_again_is_told_to_its_vehicle(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names, State.DISPATCHING))

    env.do(lifecycle.move, command, State.QUEUED)

    assert (VEHICLE_HAS_WORK, env.names.vehicle) in env.announced


def test_a_new_command_is_due_if_nothing_is_ahead_of_it(env: CommandEnv) -> None:
    first, read = env.register("alert"), env.register("location")
    second = env.register("start")

    due = [key for topic, key in env.announced if topic == COMMAND_DUE]
    assert due == [first.id, read.id]
    assert env.handed[COMMAND_DUE, first.id] == first
    assert second.state is State.QUEUED


def test_what_is_not_final_is_not_counted_as_such(env: CommandEnv) -> None:
    env.accept("start")

    assert COMMAND_FINAL not in {topic for topic, _ in env.announced}
