"""What each precondition is called in public, and which values a finding on it keeps."""

import pytest

from keyturn.commands.preconditions import table
from keyturn.commands.preconditions.context import observed_values
from keyturn.fleet.evidence import ExpectedState
from tests.support.enrolment import NOW

from .cases import RULES, case

TABLE: dict[int, tuple[str, set[str]]] = {
    1: ("The vehicle must not be moving.", {"speed"}),
    2: ("The alert must have been activated by remote command.", {"remote_alert_active"}),
    3: (
        "The vehicle must be turned off.",
        {"system_power_mode", "ignition_status", "speed", "vehicle_move_status"},
    ),
    4: ("The ignition must have been disabled by remote command.", {"ignition_disabled"}),
    5: ("The hood must be closed.", {"hood_status"}),
    6: ("The fuel tank must not be in reserve.", {"fuel_level"}),
    7: ("The battery voltage must be adequate.", {"lv_battery_voltage"}),
    8: ("The hazard lights must be off.", {"hazard_lights"}),
    9: ("The transmission must be in Park.", {"transmission_gear"}),
    10: ("No malfunction indicator light may be on.", {"malfunction_indicator"}),
    11: (
        "No more than two consecutive remote starts without a physical start.",
        {"consecutive_remote_starts", "our_own_count"},
    ),
    12: ("The vehicle must have been started by remote command.", {"remote_start_active"}),
    13: ("The vehicle must be reachable and connected.", {"reachable", "last_contact"}),
}
SAID = dict.fromkeys(set().union(*(signals for _, signals in TABLE.values())) - {"our_own_count"}, "something")


@pytest.mark.parametrize("number", TABLE)
def test_public_text_of_each_precondition_is_the_contracts(number: int) -> None:
    assert table.precondition_not_met((number,)) == f"Precondition not met: {TABLE[number][0]}"


@pytest.mark.parametrize("number", TABLE)
def test_a_finding_keeps_all_values_that_it_looked_at_and_no_other(number: int) -> None:
    of_everything = case("start", SAID, track=ExpectedState(started_at=NOW))

    assert set(observed_values(number, of_everything, RULES)) == TABLE[number][1]
