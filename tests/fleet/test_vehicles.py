"""A vehicle as its company's applications find it, and what it offers."""

import msgspec
import pytest

from keyturn.connectors.port import Capabilities
from keyturn.fleet import vehicles
from tests.support.command_env import OEM, CommandEnv
from tests.support.enrolment import OTHERS_VIN, VIN


def found(env: CommandEnv, vin: str, company: str | None = None) -> str | None:
    vehicle = env.see(vehicles.find, company or env.names.company, vin)
    return vehicle.id if vehicle else None


def test_a_vin_is_found_exactly_after_upper_casing_ascii(env: CommandEnv) -> None:
    assert found(env, VIN) == found(env, VIN.lower()) == env.names.vehicle
    assert found(env, f" {VIN}") is None
    assert found(env, f"{VIN} ") is None
    assert found(env, VIN[:-1]) is None


@pytest.mark.parametrize(
    ("text", "upper"), [("9kt", "9KT"), ("vín-ã", "VíN-ã"), ("straße", "STRAßE"), ("ıſ", "ıſ"), ("", "")]
)
def test_upper_ascii_leaves_other_scripts_alone(text: str, upper: str) -> None:
    assert vehicles.upper_ascii(text) == upper


def test_another_companys_vehicle_is_not_there(env: CommandEnv) -> None:
    assert found(env, OTHERS_VIN) is None
    assert found(env, VIN, env.names.other_company) is None
    assert found(env, OTHERS_VIN, env.names.other_company) is not None


def test_a_vehicle_that_was_taken_off_is_not_there(env: CommandEnv) -> None:
    env.administer("vehicle set", vehicle=VIN, active=False)

    assert found(env, VIN) is None
    assert env.see(vehicles.load, env.names.vehicle) is None


def test_vehicle_comes_with_its_plan_and_its_account(env: CommandEnv) -> None:
    env.administer("vehicle set", vehicle=VIN, plan="location", fuel_reserve=15.0, powertrain="hybrid")

    vehicle = env.vehicle()

    assert (vehicle.vin, vehicle.external_id, vehicle.connector, vehicle.account_active) == (VIN, VIN, "oem", True)
    assert (vehicle.plan, vehicle.capabilities) == (frozenset({"location"}), None)
    assert (vehicle.fuel_reserve, vehicle.powertrain, vehicle.ownership) == (15.0, "hybrid", "owned")


def test_vehicle_offers_what_its_oem_carries_and_it_can_do(env: CommandEnv) -> None:
    vehicle = env.vehicle()
    without_alert = msgspec.structs.replace(vehicle, capabilities=frozenset({"start"}))

    assert vehicle.offers("start", OEM)
    assert not vehicle.offers("start", Capabilities(frozenset({"location"})))
    assert not vehicle.offers("start", None)
    assert without_alert.offers("start", OEM)
    assert not without_alert.offers("alert", OEM)


def test_vehicle_offers_nothing_through_an_inactive_account(env: CommandEnv) -> None:
    env.administer("account set", account="main", company="first", active=False)

    assert not env.vehicle().offers("start", OEM)


def test_ignition_is_never_cut_where_a_running_engine_could_stop(env: CommandEnv) -> None:
    could_stop = msgspec.structs.replace(OEM, blocks_next_start_only=False)

    assert env.vehicle().offers("disable_ignition", OEM)
    assert not env.vehicle().offers("disable_ignition", could_stop)
    assert env.vehicle().offers("enable_ignition", could_stop)
