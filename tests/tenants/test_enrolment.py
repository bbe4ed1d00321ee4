"""A vehicle belongs to one company, is reached through its account, and its VIN is active once."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.tenant_env import TenantEnv

Enrol = Callable[..., dict[str, Any]]


def test_a_vehicle_is_enrolled_with_its_defaults(env: TenantEnv, enrol: Enrol) -> None:
    vehicle = enrol("Frota", "9ktparked00000001")

    assert env.do("vehicle show", vehicle="9KTPARKED00000001") == vehicle
    shown = {key: value for key, value in vehicle.items() if key not in {"id", "company_id", "created_at"}}
    assert shown == {
        "vin": "9KTPARKED00000001",
        "company": "Frota",
        "account": "main",
        "connector": "acme",
        "external_id": "9KTPARKED00000001",
        "ownership": "owned",
        "powertrain": "combustion",
        "plan": "full",
        "capabilities": None,
        "fuel_reserve": 10.0,
        "consent_at": None,
        "consent_reference": None,
        "consent_by": None,
        "consent_from": None,
        "active": True,
        "warnings": [
            "The VIN's check digit is D and would be 6: in North America and China that is a wrong VIN,"
            " elsewhere it need not be."
        ],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"vin": ""},
        {"ownership": "stolen"},
        {"powertrain": "steam"},
        {"fuel_reserve": 101},
        {"external_id": ""},
        {"external_id": " "},
        {"consent": ""},
    ],
)
def test_values_out_of_range_are_refused(env: TenantEnv, enrol: Enrol, wrong: dict[str, Any]) -> None:
    enrol("Frota", "VIN1")
    given = {"company": "Frota", "vin": "VIN2", "account": "main", "plan": "full", "ownership": "owned"} | wrong

    assert env.refused("vehicle add", **given).code == "invalid_arguments"


def test_an_account_of_another_company_cannot_reach_it(env: TenantEnv, enrol: Enrol) -> None:
    vehicle = enrol("Frota", "VIN1")
    enrol("Outra", "VIN2")
    foreign = env.do("account add", company="Outra", connector="relay", name="relay", credentials={})
    given = {"company": "Frota", "vin": "VIN3", "plan": "full", "ownership": "owned"}

    for account in (foreign["id"], "relay"):
        assert env.refused("vehicle add", account=account, **given).code == "not_found"
        assert env.refused("vehicle set", vehicle="VIN1", account=account).code == "not_found"
    assert env.do("vehicle show", vehicle="VIN1") == vehicle


def test_a_vin_active_elsewhere_is_refused_without_telling_whose(env: TenantEnv, enrol: Enrol) -> None:
    held = enrol("Outra", "VIN1")
    enrol("Frota", "VIN2")
    given = {"account": "main", "plan": "full", "ownership": "owned"}

    refusal = env.refused("vehicle add", company="Frota", vin="vin1", **given)

    assert (refusal.code, str(refusal)) == ("vin_refused", "The VIN 'VIN1' cannot be added.")
    assert env.refused("vehicle add", company="Frota", vin="VIN2", **given).code == "vin_enrolled"
    assert env.do("vehicle show", vehicle="VIN1") == held


def test_a_vin_can_move_once_it_is_no_longer_active(env: TenantEnv, enrol: Enrol) -> None:
    first = enrol("Outra", "VIN1")
    env.do("vehicle set", vehicle="VIN1", active=False)
    second = enrol("Frota", "VIN1")

    assert env.do("vehicle show", vehicle="VIN1")["id"] == second["id"]
    assert env.do("vehicle show", vehicle="VIN1", company="Outra")["id"] == first["id"]
    assert env.refused("vehicle set", vehicle=first["id"], active=True).code == "vin_refused"
    env.do("vehicle set", vehicle=second["id"], active=True)
    env.do("vehicle set", vehicle=second["id"], active=False)
    assert env.do("vehicle set", vehicle=first["id"], active=True)["active"] is True


def test_consent_is_given_with_a_reference_and_withdrawn(env: TenantEnv, enrol: Enrol) -> None:
    enrol("Frota", "VIN1", consent="contract 1")
    env.clock.advance(60)

    renewed = env.do("vehicle set", vehicle="VIN1", consent="contract 7")
    assert renewed["consent_reference"] == "contract 7"
    assert renewed["consent_at"] == "2023-11-14T22:14:20.000000+00:00"
    assert env.do("vehicle set", vehicle="VIN1", ownership="rented")["consent_reference"] == "contract 7"
    withdrawn = env.do("vehicle set", vehicle="VIN1", consent=None)
    assert (withdrawn["consent_at"], withdrawn["consent_reference"]) == (None, None)


def test_each_attribute_changes_alone(env: TenantEnv, enrol: Enrol) -> None:
    before = enrol("Frota", "VIN1", capabilities=["start"], consent="contract 1")
    env.do("plan add", name="small", commands=["location"])
    env.do("account add", company="Frota", connector="relay", name="relay", credentials={})
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"plan": "small"}, {"plan": "small"}),
        ({"account": "relay"}, {"account": "relay", "connector": "relay"}),
        ({"ownership": "third_party"}, {"ownership": "third_party"}),
        ({"powertrain": "electric"}, {"powertrain": "electric"}),
        ({"external_id": "car-1"}, {"external_id": "car-1"}),
        ({"fuel_reserve": 0}, {"fuel_reserve": 0.0}),
        ({"capabilities": ["start", "location"]}, {"capabilities": ["location", "start"]}),
        ({"capabilities": []}, {"capabilities": []}),
        ({"capabilities": None}, {"capabilities": None}),
        ({"active": False}, {"active": False}),
    ]

    for change, effect in changes:
        after = env.do("vehicle set", vehicle=before["id"], **change)
        assert after == before | effect
        before = after


def test_setting_nothing_or_an_unknown_capability_is_refused(env: TenantEnv, enrol: Enrol) -> None:
    enrol("Frota", "VIN1")

    assert env.refused("vehicle set", vehicle="VIN1").code == "nothing_to_change"
    assert env.refused("vehicle set", vehicle="VIN1", capabilities=["fly"]).code == "unknown_command"


def test_a_list_is_one_companys_and_comes_in_pages(env: TenantEnv, enrol: Enrol) -> None:
    enrol("Outra", "VIN0")
    for number in (3, 1, 5, 2, 4):
        enrol("Frota", f"VIN{number}")

    def page(after: str | None) -> tuple[list[str], str | None]:
        answer = env.do("vehicle list", company="Frota", limit=2, after=after)
        return [vehicle["vin"] for vehicle in answer["vehicles"]], answer["next"]

    first, after_first = page(None)
    second, after_second = page(after_first)
    third, end = page(after_second)

    assert (first, second, third, end) == (["VIN1", "VIN2"], ["VIN3", "VIN4"], ["VIN5"], None)


def test_enrolment_and_changes_are_in_the_audit_log(env: TenantEnv, enrol: Enrol) -> None:
    vehicle = enrol("Frota", "vin1", consent="contract 1")
    env.do("vehicle set", vehicle="VIN1", ownership="rented", consent=None)

    entries = env.rows(
        "SELECT kind, actor, company_id, vehicle_id, body FROM entry WHERE kind LIKE 'vehicle.%' ORDER BY seq"
    )
    bodies = [json.loads(entry[-1]) for entry in entries]

    assert [entry[0] for entry in entries] == ["vehicle.added", "vehicle.changed"]
    assert {entry[1:4] for entry in entries} == {("operator:local", vehicle["company_id"], vehicle["id"])}
    assert bodies[0]["vin"] == "VIN1"
    assert bodies[0]["consent"] == "contract 1"
    assert bodies[1] == {"ownership": "rented", "consent": None}
