"""What a change of a vehicle takes, by what it changes."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from keyturn.admin.references import VEHICLE
from keyturn.commands.model.catalogue import IMMOBILISABLE_OWNERSHIP
from keyturn.connectors.accounts import NameSpaces
from keyturn.tenants import vehicle_guard
from keyturn.tenants.enrolment import Ownership, SetVehicle
from tests.support.tenant_env import INSTALLATION, TenantEnv

from . import staff as staff_module
from .staff import NOTICE, Staff

DELAY = 600.0
VIN = "9KTPARKED00000001"
Garage = Staff

RELAXES: list[dict[str, Any]] = [
    {"ownership": "owned"},
    {"ownership": "rented", "consent": None},
    {"plan": "larger"},
    {"plan": "other"},
    {"capabilities": ["location", "start"]},
    {"capabilities": None},
    {"account": "second"},
    {"external_id": "9KT0THER000000025"},
]
SIGNED_IN: list[dict[str, Any]] = [
    {"consent": "form 77"},
    {"fuel_reserve": 5.0},
    {"powertrain": "electric"},
    {"consent": "form 77", "active": False},
]
AT_ONCE: list[dict[str, Any]] = [
    {"consent": None},
    {"ownership": "third_party"},
    {"plan": "smaller"},
    {"capabilities": []},
    {"capabilities": ["location"]},
    {"active": False},
    {"fuel_reserve": 20.0},
    {"account": "main", "external_id": VIN, "ownership": "third_party", "plan": "basic"},
]


@pytest.fixture
def garage(env: TenantEnv, enrol: Callable[..., dict[str, Any]]) -> Garage:
    """A third party's vehicle of Frota with a small plan, and two admins of the installation."""
    for name, commands in (("basic", ["location"]), ("smaller", []), ("larger", ["location", "start"])):
        env.do("plan add", name=name, commands=commands)
    env.do("plan add", name="other", commands=["disable_ignition"])
    given = {"plan": "basic", "ownership": "third_party", "capabilities": ["location"], "consent": "form 1"}
    enrol("Frota", VIN, **given)
    env.do("account add", company="Frota", connector="acme", name="second", credentials={"token": "u"})
    staff = Staff(env)
    staff.settle("ana", "bia")
    return staff


def shown(garage: Garage) -> dict[str, Any]:
    return garage.do("vehicle show", vehicle=VIN)


@pytest.mark.parametrize("changes", RELAXES, ids=str)
def test_what_brings_a_vehicle_into_reach_waits_for_another_admin(garage: Garage, changes: dict[str, Any]) -> None:
    before = shown(garage)
    assert garage.refused("vehicle set", vehicle=VIN, **changes) == "sign_in_required"
    assert garage.refused("vehicle set", "ana", factor=False, vehicle=VIN, **changes) == "sign_in_required"

    change = garage.do("vehicle set", "ana", vehicle=VIN, **changes)

    assert (change["state"], change["needs"]) == ("waiting", "approval")
    assert shown(garage) == before
    garage.do("change approve", "bia", change=change["change"])
    garage.wait(NOTICE)
    assert garage.state(change) == "applied"
    after = shown(garage)
    given = {"consent_reference" if name == "consent" else name: value for name, value in changes.items()}
    assert {name: after[name] for name in given} == given


def test_a_vehicle_is_not_brought_back_by_one_person(garage: Garage) -> None:
    garage.do("vehicle set", vehicle=VIN, active=False)

    assert garage.refused("vehicle set", vehicle=VIN, active=True) == "sign_in_required"
    assert garage.do("vehicle set", "ana", vehicle=VIN, active=True)["needs"] == "approval"


@pytest.mark.parametrize("changes", SIGNED_IN, ids=str)
def test_what_somebody_answers_for_takes_a_sign_in(garage: Garage, changes: dict[str, Any]) -> None:
    assert garage.refused("vehicle set", vehicle=VIN, **changes) == "sign_in_required"
    assert garage.refused("vehicle set", "ana", factor=False, vehicle=VIN, **changes) == "sign_in_required"
    assert garage.do("vehicle set", "ana", vehicle=VIN, **changes)["vin"] == VIN


@pytest.mark.parametrize("changes", AT_ONCE, ids=str)
def test_what_takes_away_is_done_at_once(garage: Garage, changes: dict[str, Any]) -> None:
    assert garage.do("vehicle set", vehicle=VIN, **changes)["vin"] == VIN


def test_enrolling_takes_a_sign_in(garage: Garage) -> None:
    new: dict[str, Any] = {"company": "Frota", "vin": "NEW", "account": "main", "plan": "basic", "ownership": "owned"}
    assert garage.refused("vehicle add", **new) == "sign_in_required"
    assert garage.refused("vehicle add", "ana", factor=False, **new) == "sign_in_required"
    assert garage.do("vehicle add", "ana", **new)["vin"] == "NEW"


def test_a_consent_where_there_was_none_counts_when_it_could_have_been_objected_to(garage: Garage) -> None:
    garage.do("vehicle set", vehicle=VIN, consent=None)
    given_at = garage.env.clock.now()

    given = garage.do("vehicle set", "ana", vehicle=VIN, consent="form 77")

    assert given["consent_by"] == garage.id("ana")
    rows = garage.env.rows("SELECT consent_at, consent_from FROM vehicle")
    assert rows == [(given_at, given_at + round(DELAY * 1_000_000))]
    assert garage.kinds()[-2:] == ["vehicle.changed", "consent.given"]
    garage.wait(60)
    garage.do("vehicle set", "bia", vehicle=VIN, consent="form 78")
    assert garage.env.rows("SELECT consent_by, consent_from FROM vehicle") == [(garage.id("bia"), rows[0][1])]


def test_a_new_reference_to_a_consent_that_counts_puts_nothing_off(garage: Garage) -> None:
    before = garage.env.rows("SELECT consent_from FROM vehicle")

    garage.do("vehicle set", "ana", vehicle=VIN, consent="form 2")

    assert garage.env.rows("SELECT consent_from FROM vehicle") == before


def test_with_nobody_in_charge_a_consent_counts_at_once(env: TenantEnv, enrol: Callable[..., dict[str, Any]]) -> None:
    enrol("Frota", VIN, consent="form 1")

    assert env.rows("SELECT consent_from, consent_by FROM vehicle") == [(env.clock.now(), "local")]


def test_every_argument_has_its_judgement() -> None:
    """A column that comes later gets a row, or this fails."""
    assert set(vehicle_guard.ROWS) == set(SetVehicle.__struct_fields__) - {VEHICLE.word, "company"}


def test_the_types_that_nobody_immobilises_are_those_of_the_contract() -> None:
    assert set(Ownership.__args__) - vehicle_guard.NOT_IMMOBILISED == IMMOBILISABLE_OWNERSHIP  # type: ignore[attr-defined]
    assert msgspec.json.decode('"owned"', type=Ownership) == "owned"


def test_the_credentials_behind_which_a_vehicle_is_wait_and_so_does_closing_the_account(
    garage: Garage,
) -> None:
    account: dict[str, Any] = {"account": "main", "company": "Frota"}
    assert garage.refused("account set", **account, name="other") == "sign_in_required"
    assert garage.do("account set", "ana", **account, credentials={"token": "v"})["needs"] == "approval"
    assert "change" not in garage.do(
        "account set", "ana", account="second", company="Frota", credentials={"token": "v"}
    )
    assert garage.do("account set", "ana", **account, active=False)["needs"] == "approval"
    (vehicle,) = garage.env.rows("SELECT id, company_id FROM vehicle")
    garage.env.wait(garage.env.store.write(lambda tx: tx.run(_STANDS, vehicle_id=vehicle[0], company_id=vehicle[1])))

    assert garage.do("account set", "ana", **account, credentials={"token": "w"})["needs"] == "approval"


_STANDS = """
INSERT INTO immobilisation (company_id, vehicle_id, opened_by, state, opened_at)
VALUES (:company_id, :vehicle_id, 'disable', 'confirmed', 1)
"""


def test_a_fuel_reserve_that_stays_takes_nothing(garage: Garage) -> None:
    reserve = garage.do("vehicle show", vehicle=VIN)["fuel_reserve"]

    assert "change" not in garage.do("vehicle set", vehicle=VIN, fuel_reserve=reserve)


ENROLLED_BEFORE: list[dict[str, Any]] = [
    {"vin": VIN},
    {"vin": VIN.lower(), "external_id": "another"},
    {"vin": "9KT0THER000000025", "external_id": VIN},
    {"vin": "9KT0THER000000025", "external_id": f" {VIN} ", "account": "second"},
]


@pytest.mark.parametrize("given", ENROLLED_BEFORE, ids=str)
def test_a_car_that_was_taken_out_is_enrolled_again_as_it_is_put_back(garage: Garage, given: dict[str, Any]) -> None:
    """Else a third party's could be taken out, at once, and enrolled as one's own."""
    row: dict[str, Any] = {
        "company": "Frota",
        "account": "main",
        "plan": "larger",
        "ownership": "owned",
        "consent": "form 77",
    }
    assert "change" not in garage.do("vehicle set", "ana", vehicle=VIN, active=False)
    change = garage.do("vehicle add", "ana", **row | given)

    assert change["needs"] == "approval"
    garage.do("change approve", "bia", change=change["change"])
    garage.wait(NOTICE)
    assert garage.state(change) == "applied"


def test_a_car_that_was_never_enrolled_takes_a_second_factor(garage: Garage) -> None:
    row: dict[str, Any] = {"company": "Frota", "account": "main", "plan": "larger", "ownership": "owned"}
    garage.do("vehicle set", "ana", vehicle=VIN, active=False)
    assert garage.refused("vehicle add", vin="9KTNEW00000000099", **row) == "sign_in_required"
    assert garage.do("vehicle add", "ana", vin="9KTNEW00000000099", **row)["active"]


def test_an_external_id_of_another_name_space_was_another_car(garage: Garage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where names are an account's own, one that was put aside behind another account says nothing."""
    own = msgspec.structs.replace(INSTALLATION, name_spaces=NameSpaces({}, frozenset({"acme"})))
    monkeypatch.setattr(staff_module, "INSTALLATION", own)
    garage.do("vehicle set", "ana", vehicle=VIN, active=False)
    row: dict[str, Any] = {
        "company": "Frota",
        "vin": "9KTNEW00000000099",
        "plan": "larger",
        "ownership": "owned",
        "external_id": VIN,
    }

    assert "change" in garage.do("vehicle add", "ana", account="main", **row)
    assert garage.do("vehicle add", "ana", account="second", **row)["active"]
