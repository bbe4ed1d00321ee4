"""What a verdict refuses: at acceptance what is contradicted, before the intent also some of what is unknown."""

from typing import Any

import pytest

from keyturn.commands.model.catalogue import CATALOGUE, COMMANDS
from tests.support.command_env import PARKED

from .cases import assessment, case, refused

GUARDED = ("disable_ignition", "start", "unlock_door")
"""Refused when evidence is missing and the OEM enforces nothing."""

JUDGED = [spec.name for spec in CATALOGUE if spec.preconditions]
CONTRADICTING: dict[str, Any] = {
    "speed": 40,
    "system_power_mode": "on",
    "ignition_disabled": False,
    "remote_start_active": False,
    "remote_alert_active": False,
    "hood_status": "open",
    "fuel_level": 3,
    "lv_battery_voltage": 9.0,
    "hazard_lights": "on",
    "transmission_gear": "drive",
    "malfunction_indicator": "on",
    "consecutive_remote_starts": 2,
}


@pytest.mark.parametrize("enforces", [True, False])
@pytest.mark.parametrize("command", JUDGED)
def test_acceptance_never_refuses_what_is_unknown(command: str, enforces: bool) -> None:
    assert refused(case(command, reachable=None, enforces=enforces), acceptance=True) == ()


@pytest.mark.parametrize("acceptance", [True, False])
@pytest.mark.parametrize("enforces", [True, False])
@pytest.mark.parametrize("command", JUDGED)
def test_what_is_contradicted_refuses_everywhere(command: str, enforces: bool, acceptance: bool) -> None:
    contradicted = case(command, CONTRADICTING, reachable=False, enforces=enforces)
    all_of_them = tuple(number for number in COMMANDS[command].preconditions if (command, number) != ENABLE_13)

    assert refused(contradicted, acceptance=acceptance) == all_of_them


ENABLE_13 = ("enable_ignition", 13)
"""Recorded and said in the message, never refused."""


@pytest.mark.parametrize("command", JUDGED)
def test_where_the_far_side_enforces_nothing_the_unknown_refuses_three_commands(command: str) -> None:
    unknown = COMMANDS[command].preconditions if command in GUARDED else ()

    assert refused(case(command, reachable=None, enforces=False)) == unknown


@pytest.mark.parametrize("command", JUDGED)
def test_where_the_far_side_enforces_only_an_immobilisation_of_who_knows_what_is_refused(command: str) -> None:
    unknown = (13,) if command == "disable_ignition" else ()

    assert refused(case(command, reachable=None, enforces=True)) == unknown


@pytest.mark.parametrize("command", ["start", "unlock_door", "lock_door"])
def test_what_is_met_refuses_nothing(command: str) -> None:
    met = {**PARKED, "consecutive_remote_starts": 0}

    assert refused(case(command, met, enforces=False)) == ()


@pytest.mark.parametrize(
    ("command", "values", "reads_state", "enforces", "wanted"),
    [
        ("start", {}, True, True, True),
        ("start", {}, False, True, False),
        ("start", {**PARKED, "consecutive_remote_starts": 0}, True, False, False),
        ("lock_door", {"speed": 0}, True, False, False),
        ("lock_door", {}, True, False, True),
        ("cancel_start", {}, True, True, True),
        ("enable_ignition", {**PARKED, "ignition_disabled": True}, True, True, False),
        ("disable_ignition", PARKED, True, True, False),
        ("disable_ignition", PARKED, True, False, True),
        ("disable_ignition", PARKED, False, False, False),
        ("alert", {}, True, False, False),
        ("location", {}, True, False, False),
    ],
)
def test_the_vehicle_is_read_before_the_intent_when_that_could_answer_something(
    command: str, values: dict[str, Any], reads_state: bool, enforces: bool, wanted: bool
) -> None:
    judged = case(command, values, reads_state=reads_state, enforces=enforces)

    assert assessment(judged).wants_reading() is wanted


def test_what_only_our_own_pending_command_leaves_open_is_not_read_for() -> None:
    pending = case("cancel_start", {"remote_start_active": False}, pending=("start",))

    assert not assessment(pending).wants_reading()
