"""What is enrolled as a VIN: no second vehicle by a blank, nothing that cannot be typed, and a word about slips."""

import pytest

from keyturn.tenants.vehicle_operations import check_digit, vin_warnings
from tests.support.tenant_env import TenantEnv

from .test_enrolment import Enrol

RIGHT = "1M8GDM9AXKP042788"
"""The textbook's, whose check digit is X."""


@pytest.mark.parametrize("given", [RIGHT, f" {RIGHT}\t", f"{RIGHT}\n", RIGHT.lower(), f"\u00a0{RIGHT}\u2003"])
def test_blanks_around_a_vin_and_small_letters_make_no_second_vehicle(env: TenantEnv, enrol: Enrol, given: str) -> None:
    vehicle = enrol("Frota", given)
    assert (vehicle["vin"], vehicle["external_id"], vehicle["warnings"]) == (RIGHT, RIGHT, [])
    again = {"company": "Frota", "account": "main", "plan": "full", "ownership": "owned"}
    assert env.refused("vehicle add", vin=f"{RIGHT} ", **again).code == "vin_enrolled"


def test_blanks_around_the_oems_name_for_it_are_dropped_too(env: TenantEnv, enrol: Enrol) -> None:
    assert enrol("Frota", RIGHT, external_id=" car 1\n")["external_id"] == "car 1"
    assert env.do("vehicle set", vehicle=RIGHT, external_id="car 2 ")["external_id"] == "car 2"


def test_only_ascii_letters_are_upper_cased(enrol: Enrol) -> None:
    """As the HTTP surface compares them."""
    assert enrol("Frota", "vín-ã")["vin"] == "VíN-ã"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (" \t ", "this has 0"),
        ("V" * 65, "this has 65"),
        (f"{RIGHT[:8]} {RIGHT[8:]}", "character 9 is U+0020"),
        (f"{RIGHT[:8]}\u00a0{RIGHT[8:]}", "character 9 is U+00A0"),
        (f"{RIGHT}\x00", "character 18 is U+0000"),
        (f"{RIGHT[:3]}\x1b[2J", "character 4 is U+001B"),
        (f"{RIGHT}\u200b", "character 18 is U+200B"),
        (f"\u202e{RIGHT}", "character 1 is U+202E"),
    ],
)
def test_what_cannot_be_a_vin_is_refused_and_the_place_is_told(
    env: TenantEnv, enrol: Enrol, given: str, said: str
) -> None:
    enrol("Frota", RIGHT)
    row = {"company": "Frota", "account": "main", "plan": "full", "ownership": "owned"}
    refusal = env.refused("vehicle add", vin=given, **row)
    assert refusal.code == "invalid_vin"
    assert said in str(refusal)
    assert len(env.do("vehicle list", company="Frota")["vehicles"]) == 1


def test_sixty_four_characters_are_taken(enrol: Enrol) -> None:
    assert enrol("Frota", "V" * 64)["vin"] == "V" * 64


@pytest.mark.parametrize("vin", [RIGHT, "11111111111111111", "5GZCZ43D13S812715"])
def test_a_vin_with_its_check_digit_is_not_doubted(vin: str) -> None:
    assert vin_warnings(vin) == []


@pytest.mark.parametrize(
    ("vin", "said"),
    [
        ("6AHFT68CKAF501652", "check digit is K"),
        ("1M8GDM9A1KP042788", "check digit is 1 and would be X"),
        (RIGHT[:-1], "not 17 characters"),
        ("1M8GDM9AXKPO42788", "not 17 characters"),
        ("VÍN-Ã", "not 17 characters"),
    ],
)
def test_what_is_unlikely_to_be_a_vin_is_enrolled_with_a_warning(
    env: TenantEnv, enrol: Enrol, vin: str, said: str
) -> None:
    vehicle = enrol("Frota", vin)
    assert [said in warning for warning in vehicle["warnings"]] == [True]
    assert env.do("vehicle show", vehicle=vehicle["id"])["warnings"] == vehicle["warnings"]


@pytest.mark.parametrize(("vin", "digit"), [(RIGHT, "X"), ("11111111111111111", "1"), ("5GZCZ43D13S812715", "1")])
def test_the_check_digit_of_known_vins(vin: str, digit: str) -> None:
    assert check_digit(vin) == digit == vin[8]
