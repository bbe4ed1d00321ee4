"""Which of a vehicle's commands may be sent now, in which slot, and which a new one joins."""

import msgspec
import pytest

from keyturn.commands.model import lanes
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.model.record import OpenCommand
from keyturn.commands.model.states import State

from .drafts import queue

QUEUED, DISPATCHING, ACCEPTED, UNKNOWN = State.QUEUED, State.DISPATCHING, State.ACCEPTED, State.UNKNOWN
AWAITING, EXECUTED = State.AWAITING_APPROVAL, State.EXECUTED
Rows = list[tuple[str, State]]

SENDABLE: list[tuple[Rows, str]] = [
    ([], ""),
    ([("start", QUEUED)], "1"),
    ([("start", QUEUED), ("lock_door", QUEUED)], "1"),
    ([("start", EXECUTED), ("lock_door", QUEUED)], "2"),
    ([("start", UNKNOWN), ("lock_door", QUEUED)], "2"),
    ([("start", AWAITING), ("lock_door", QUEUED)], "2"),
    ([("start", DISPATCHING), ("lock_door", QUEUED)], ""),
    ([("start", ACCEPTED), ("lock_door", QUEUED)], ""),
    ([("enable_ignition", ACCEPTED), ("disable_ignition", QUEUED)], ""),
    # Reads take no lane.
    ([("start", ACCEPTED), ("location", QUEUED)], "2"),
    ([("location", ACCEPTED), ("start", QUEUED)], "2"),
    ([("location", QUEUED), ("start", QUEUED), ("diagnostics", QUEUED)], "1 3 2"),
    ([("location", DISPATCHING), ("diagnostics", QUEUED)], "2"),
    # What restores goes ahead of everything else, and enabling first of all.
    ([("lock_door", QUEUED), ("start", QUEUED), ("enable_ignition", QUEUED)], "3"),
    ([("lock_door", QUEUED), ("cancel_start", QUEUED)], "2"),
    ([("alert", QUEUED), ("cancel_start", QUEUED), ("start", QUEUED)], "2"),
    ([("lock_door", QUEUED), ("cancel_start", QUEUED), ("cancel_alert", QUEUED)], "2"),
    ([("cancel_start", QUEUED), ("cancel_alert", QUEUED), ("enable_ignition", QUEUED)], "3"),
    ([("enable_ignition", QUEUED), ("enable_ignition", QUEUED)], "1"),
    ([("start", UNKNOWN), ("cancel_start", QUEUED), ("enable_ignition", QUEUED)], "3"),
    ([("lock_door", DISPATCHING), ("enable_ignition", QUEUED)], ""),
    ([("start", ACCEPTED), ("cancel_start", QUEUED), ("enable_ignition", QUEUED)], "2"),
    # A cancel goes ahead of everything Queued while what it cancels is Accepted or Unknown.
    ([("start", ACCEPTED), ("lock_door", QUEUED), ("cancel_start", QUEUED)], "3"),
    ([("start", UNKNOWN), ("lock_door", QUEUED), ("cancel_start", QUEUED)], "3"),
    ([("alert", ACCEPTED), ("lock_door", QUEUED), ("cancel_alert", QUEUED)], "3"),
    ([("start", DISPATCHING), ("cancel_start", QUEUED)], ""),
    ([("start", EXECUTED), ("lock_door", QUEUED), ("cancel_start", QUEUED)], "3"),
    # It cancels what came before it, and nothing else.
    ([("start", ACCEPTED), ("cancel_alert", QUEUED)], ""),
    ([("alert", ACCEPTED), ("cancel_start", QUEUED)], ""),
    ([("cancel_start", QUEUED), ("start", ACCEPTED)], ""),
    # Beside that pair the lane has room for one.
    ([("start", UNKNOWN), ("lock_door", ACCEPTED), ("cancel_start", QUEUED)], ""),
    ([("start", UNKNOWN), ("lock_door", DISPATCHING), ("cancel_start", QUEUED)], ""),
    ([("start", ACCEPTED), ("cancel_start", DISPATCHING), ("lock_door", QUEUED)], ""),
    ([("start", UNKNOWN), ("cancel_start", ACCEPTED), ("lock_door", QUEUED)], ""),
    ([("start", ACCEPTED), ("cancel_start", ACCEPTED), ("cancel_start", QUEUED)], ""),
    ([("start", ACCEPTED), ("cancel_start", UNKNOWN), ("cancel_start", QUEUED)], "3"),
    # Nothing else overtakes.
    ([("disable_ignition", ACCEPTED), ("enable_ignition", QUEUED)], ""),
    ([("disable_ignition", UNKNOWN), ("lock_door", QUEUED), ("enable_ignition", QUEUED)], "3"),
    ([("lock_door", ACCEPTED), ("unlock_door", QUEUED)], ""),
]
JOINABLE: list[tuple[str, Rows, str | None]] = [
    ("start", [], None),
    ("start", [("lock_door", QUEUED)], None),
    ("start", [("start", QUEUED)], "1"),
    ("start", [("start", DISPATCHING)], "1"),
    ("start", [("start", ACCEPTED)], "1"),
    ("start", [("start", AWAITING)], "1"),
    ("start", [("start", UNKNOWN)], "1"),
    ("location", [("location", ACCEPTED)], "1"),
    ("location", [("diagnostics", ACCEPTED)], None),
    # A later opposite in flight stands between; an earlier one does not.
    ("start", [("start", ACCEPTED), ("cancel_start", QUEUED)], None),
    ("start", [("start", ACCEPTED), ("cancel_start", DISPATCHING)], None),
    ("start", [("start", ACCEPTED), ("cancel_start", ACCEPTED)], None),
    ("cancel_start", [("start", ACCEPTED), ("cancel_start", QUEUED)], "2"),
    ("lock_door", [("lock_door", UNKNOWN), ("unlock_door", UNKNOWN)], None),
    ("disable_ignition", [("disable_ignition", QUEUED), ("disable_ignition", AWAITING)], "2"),
    ("enable_ignition", [("enable_ignition", QUEUED), ("disable_ignition", AWAITING)], None),
    ("start", [("start", ACCEPTED), ("cancel_alert", QUEUED)], "1"),
    ("start", [("start", ACCEPTED), ("cancel_start", EXECUTED)], "1"),
]


def parted(row: OpenCommand) -> OpenCommand:
    return OpenCommand(
        row.command_id, row.vehicle_id, row.name, row.state, row.lane_number, None, row.lane_slot, row.wake_at
    )


@pytest.mark.parametrize(("rows", "expected"), SENDABLE)
def test_lane_finds_the_sendable_command(rows: Rows, expected: str) -> None:
    assert [row.command_id for row in lanes.sendable(queue(*rows), now=0)] == expected.split()


HELD_BACK: list[tuple[list[str], set[int], str]] = [
    # One that may not be sent yet lets another pair go, and nothing that does not restore.
    (["cancel_start", "cancel_alert"], {1}, "2"),
    (["enable_ignition", "cancel_start"], {1}, "2"),
    (["cancel_start", "enable_ignition"], {1}, "2"),
    (["cancel_start", "cancel_start", "cancel_alert"], {1}, "3"),
    (["cancel_start", "cancel_start"], {1}, ""),
    (["lock_door", "cancel_start"], {2}, ""),
    (["lock_door", "enable_ignition"], {1}, "2"),
    (["lock_door", "unlock_door"], {1}, ""),
    (["location", "diagnostics"], {1}, "2"),
]


@pytest.mark.parametrize(("names", "held_back", "expected"), HELD_BACK)
def test_commands_that_may_not_be_sent_yet(names: list[str], held_back: set[int], expected: str) -> None:
    rows = [
        msgspec.structs.replace(row, not_before=10 if number in held_back else None)
        for number, row in enumerate(queue(*((name, QUEUED) for name in names)), 1)
    ]

    assert [row.command_id for row in lanes.sendable(rows, now=9)] == expected.split()


def test_command_in_back_off_is_a_contender_and_sendable_at_its_time() -> None:
    """The engine keeps every one in mind whose turn it can be, and takes the first whose time has come."""
    rows = [msgspec.structs.replace(row, not_before=10) for row in queue(("cancel_alert", QUEUED))]
    rows += queue(("cancel_alert", QUEUED), ("cancel_start", QUEUED))[1:]

    assert [row.name for row in lanes.contenders(rows)] == ["cancel_alert", "cancel_start"]
    assert [row.name for row in lanes.sendable(rows, now=10)] == ["cancel_alert"]


@pytest.mark.parametrize(("command", "rows", "expected"), JOINABLE)
def test_lane_finds_the_joinable_command(command: str, rows: Rows, expected: str | None) -> None:
    in_flight = [parted(row) if row.state is EXECUTED else row for row in queue(*rows)]

    joined = lanes.coalescing_target(in_flight, COMMANDS[command])

    assert (joined and joined.command_id) == expected


@pytest.mark.parametrize("command", ["start", "cancel_start"])
def test_what_was_parted_is_joined_by_nobody_and_stands_between_nothing(command: str) -> None:
    past_its_deadline = [parted(row) for row in queue((command, UNKNOWN))]

    assert lanes.coalescing_target(past_its_deadline, COMMANDS[command]) is None
    assert lanes.later_opposite(past_its_deadline, COMMANDS[COMMANDS[command].opposite or ""]) == 0


def test_the_segment_of_a_new_command_is_the_place_of_its_newest_opposite_in_flight() -> None:
    rows = queue(("cancel_start", UNKNOWN), ("start", QUEUED), ("cancel_start", QUEUED), ("lock_door", QUEUED))

    assert lanes.later_opposite(rows, COMMANDS["start"]) == 3
    assert lanes.later_opposite(rows, COMMANDS["cancel_start"]) == 2
    assert lanes.later_opposite(rows, COMMANDS["unlock_door"]) == 4
    assert lanes.later_opposite(rows, COMMANDS["location"]) == 0


@pytest.mark.parametrize(
    ("rows", "slot"),
    [
        ([("lock_door", QUEUED)], lanes.LANE),
        ([("start", UNKNOWN), ("cancel_start", QUEUED)], lanes.LANE),
        ([("location", ACCEPTED), ("lock_door", QUEUED)], lanes.LANE),
        ([("start", ACCEPTED), ("cancel_start", QUEUED)], lanes.OVERTAKING),
        ([("start", ACCEPTED), ("location", QUEUED)], None),
    ],
)
def test_the_slot_that_the_next_one_takes(rows: Rows, slot: int | None) -> None:
    opened = queue(*rows)

    assert lanes.lane_slot(opened, opened[-1]) == slot
