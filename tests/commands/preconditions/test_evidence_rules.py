"""When a value may be relied upon: age, the future, null, and our own last command that can change it."""

from typing import Any

import pytest

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.preconditions.context import usable_value
from keyturn.commands.preconditions.evaluation import CheckResult, evaluate
from keyturn.fleet.evidence import ExpectedState, Signal
from tests.support.enrolment import NOW

from .cases import CONTRADICTED, MET, RULES, UNKNOWN, ago, case, finding, signal, verdict

AGES = [
    (signal(0, 120), MET),
    (signal(0, 120.001), UNKNOWN),
    (signal(40, 120), CONTRADICTED),
    (signal(40, 120.001), UNKNOWN),
    (signal(0, 1, received=120.001), UNKNOWN),
    (signal(0, 120.001, received=0), UNKNOWN),
    (signal(0, 1, since=86_400), MET),
    (signal(0, -30), MET),
    (signal(0, -30.001), UNKNOWN),
    (signal(None), UNKNOWN),
    (Signal(0, NOW, None, NOW, "oem"), UNKNOWN),
]
"""Age is now less the older of `as_of` and `received_at`; how long a value has been so does not age it."""


@pytest.mark.parametrize(("speed", "expected"), AGES)
def test_a_value_counts_while_it_is_fresh_and_not_from_the_future(speed: Signal, expected: CheckResult) -> None:
    assert verdict("lock_door", 1, {"speed": speed}) is expected


WHATEVER: dict[str, Any] = {
    "system_power_mode": "off",
    "ignition_status": "ignition off",
    "remote_start_active": True,
    "ignition_disabled": True,
    "doors_locked": True,
    "remote_alert_active": True,
    "hazard_lights": "off",
    "speed": 0,
}
CHANGED_BY = [(name, changed) for name, spec in COMMANDS.items() for changed in spec.changes if changed in WHATEVER]


@pytest.mark.parametrize(("command", "changed"), CHANGED_BY)
def test_a_value_not_newer_than_our_last_command_that_can_change_it_is_unknown(command: str, changed: str) -> None:
    value = WHATEVER[changed]
    track = ExpectedState(changed_at={name: ago(5) for name in COMMANDS[command].changes})

    assert usable_value(case("start", {changed: signal(value, 5)}, track=track), changed, RULES) is None
    assert usable_value(case("start", {changed: signal(value, 4.9)}, track=track), changed, RULES) == value


def test_a_command_leaves_the_signals_that_it_cannot_change_alone() -> None:
    track = ExpectedState(changed_at={"doors_locked": NOW})

    assert verdict("lock_door", 1, {"speed": signal(0, 60)}, track=track) is MET


@pytest.mark.parametrize("command", ["enable_ignition", "cancel_start", "cancel_alert"])
def test_a_restoring_command_is_refused_only_by_a_report_newer_than_our_last_actuating_command(command: str) -> None:
    number = {"enable_ignition": 4, "cancel_start": 12, "cancel_alert": 2}[command]
    name = {4: "ignition_disabled", 12: "remote_start_active", 2: "remote_alert_active"}[number]
    values, track = {name: signal(False, 10)}, ExpectedState(actuated_at=ago(10))

    assert verdict(command, number, values) is CONTRADICTED
    assert verdict(command, number, values, track=track) is UNKNOWN
    assert verdict(command, number, values, track=ExpectedState(actuated_at=ago(10.1))) is CONTRADICTED


def test_only_the_newer_part_of_what_contradicts_a_restoring_command_counts() -> None:
    older = {"system_power_mode": signal("on", 20), "speed": signal(0, 5)}
    newer = {"system_power_mode": signal("off", 20), "speed": signal(40, 5)}
    track = ExpectedState(actuated_at=ago(10))

    assert verdict("enable_ignition", 3, older, track=track) is UNKNOWN
    assert verdict("enable_ignition", 3, newer, track=track) is CONTRADICTED


def test_any_other_command_is_refused_by_what_is_older_too() -> None:
    assert verdict("lock_door", 1, {"speed": signal(40, 10)}, track=ExpectedState(actuated_at=NOW)) is CONTRADICTED


def test_a_finding_keeps_value_age_source_and_why_a_value_did_not_count() -> None:
    values = {
        "system_power_mode": signal("off", 2.5),
        "speed": signal(0, 300),
        "ignition_status": signal(None),
        "vehicle_move_status": signal("parked", -60),
    }
    seen = finding(case("disable_ignition", values), 3).signals

    assert (seen["system_power_mode"].value, seen["system_power_mode"].age) == ("off", 2.5)
    assert {name: sight.why for name, sight in seen.items()} == {
        "system_power_mode": "",
        "speed": "too old",
        "ignition_status": "null",
        "vehicle_move_status": "from the future",
    }
    assert {sight.source for sight in seen.values()} == {"oem"}


def test_a_finding_on_reachability_keeps_what_was_said_and_the_last_contact() -> None:
    contact = ago(30)

    seen = finding(case("disable_ignition", reachable=False, reachable_at=ago(2), last_contact=contact), 13).signals

    assert (seen["reachable"].value, seen["reachable"].age) == (False, 2.0)
    assert (seen["last_contact"].value, seen["last_contact"].age) == (contact, 30.0)


def test_findings_come_in_ascending_number() -> None:
    numbers = [found.number for found in evaluate(case("start"), RULES)]

    assert numbers == [1, 3, 5, 6, 7, 8, 9, 10, 11]
