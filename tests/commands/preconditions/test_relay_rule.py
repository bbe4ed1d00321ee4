"""Where the OEM enforces nothing, an immobilisation needs the vehicle seen at rest in the last seconds."""

from typing import Any

import pytest

from keyturn.fleet.evidence import Signal

from .cases import CONTRADICTED, MET, UNKNOWN, case, finding, refused, signal

AT_REST: dict[str, Any] = {
    "system_power_mode": signal("off", 15, since=60),
    "speed": signal(0, 15),
    "transmission_gear": signal("park", 15),
}
NOT_ENOUGH: dict[str, dict[str, Any]] = {
    "nothing known": {},
    "mode seen too long ago": {**AT_REST, "system_power_mode": signal("off", 15.1, since=60)},
    "speed seen too long ago": {**AT_REST, "speed": signal(0, 15.1)},
    "gear seen too long ago": {**AT_REST, "transmission_gear": signal("park", 15.1)},
    "received too long ago": {**AT_REST, "speed": signal(0, 1, received=15.1)},
    "off too short": {**AT_REST, "system_power_mode": signal("off", 1, since=59.9)},
    "speed not known, though parked": {**AT_REST, "speed": None, "vehicle_move_status": "parked"},
    "on": {**AT_REST, "system_power_mode": signal("on", 1)},
    "rolling": {**AT_REST, "speed": signal(1, 1)},
    "moving by another signal": {**AT_REST, "vehicle_move_status": signal("forward", 1)},
    "gear not known": {**AT_REST, "transmission_gear": None},
    "in drive": {**AT_REST, "transmission_gear": signal("drive", 1)},
    "in drive long ago": {**AT_REST, "transmission_gear": signal("drive", 30)},
    "accelerometer shaken": {**AT_REST, "transmission_gear": None, "accelerometer_at_rest": False},
    "accelerometer seen too long ago": {
        **AT_REST,
        "transmission_gear": None,
        "accelerometer_at_rest": signal(True, 15.1),
    },
}


@pytest.mark.parametrize("lacking", NOT_ENOUGH)
def test_relay_rule_without_all_evidence_sends_nothing(lacking: str) -> None:
    judged = case("disable_ignition", NOT_ENOUGH[lacking], enforces=False)

    assert refused(judged, fresh=True) == (3,)


def test_relay_rule_with_all_evidence_lets_the_immobilisation_be_sent() -> None:
    assert refused(case("disable_ignition", AT_REST, enforces=False), fresh=True) == ()


@pytest.mark.parametrize("gear", [None, signal("park", 30)])
def test_an_accelerometer_at_rest_stands_in_for_the_gear(gear: Signal | None) -> None:
    values = {**AT_REST, "transmission_gear": gear, "accelerometer_at_rest": signal(True, 15)}

    assert refused(case("disable_ignition", values, enforces=False), fresh=True) == ()


def test_the_accelerometer_that_decided_is_kept_with_the_verdict() -> None:
    values = {**AT_REST, "transmission_gear": None, "accelerometer_at_rest": signal(True, 2)}

    sight = finding(case("disable_ignition", values, enforces=False), 3, fresh=True).signals["accelerometer_at_rest"]

    assert (sight.value, sight.age) == (True, 2.0)


def test_a_contradiction_stays_one() -> None:
    moving = case("disable_ignition", {**AT_REST, "speed": signal(40, 1)}, enforces=False)

    assert finding(moving, 3, fresh=True).verdict is CONTRADICTED


@pytest.mark.parametrize(("command", "enforces"), [("disable_ignition", True), ("start", False)])
def test_the_rule_is_for_an_immobilisation_that_nobody_else_guards(command: str, enforces: bool) -> None:
    old_enough = {**AT_REST, "system_power_mode": signal("off", 100, since=10), "speed": signal(0, 100)}

    assert finding(case(command, old_enough, enforces=enforces), 3, fresh=True).verdict is MET


def test_acceptance_does_not_ask_for_it() -> None:
    judged = case("disable_ignition", {"speed": signal(0, 100)}, enforces=False)

    assert finding(judged, 3).verdict is UNKNOWN
    assert refused(judged, acceptance=True) == ()


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (signal("off", 1, since=59.9), "off for 59.9 s, 60 s needed; needed are: seen within 15 s"),
        (signal("off", 0.8, since=0.8), "off for 0.8 s, 60 s needed; the source gives one time for the change"),
        (signal("off", 1, since=60), "seen within 15 s"),
        (signal("on", 1, since=1), "seen within 15 s"),
        (signal("off", 121, since=121), "seen within 15 s"),
    ],
)
def test_relay_rule_tells_how_long_the_vehicle_has_been_off_where_that_is_missing(power: Signal, said: str) -> None:
    judged = finding(case("disable_ignition", {**AT_REST, "system_power_mode": power}, enforces=False), 3, fresh=True)

    assert judged.why.startswith(said)
    assert judged.settled is ("60 s needed" in said)


def test_longer_one_of_two_signals_that_say_off_counts() -> None:
    values = {**AT_REST, "ignition_status": signal("ignition off", 1, since=5)}

    assert finding(case("disable_ignition", values, enforces=False), 3, fresh=True).verdict is MET
