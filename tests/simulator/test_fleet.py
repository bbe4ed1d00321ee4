import re

from keyturn_simulator import fleet_vins

VIN = re.compile(r"9KT[A-HJ-NPR-Z0-9]{14}")


def test_every_vin_is_a_vin_and_none_comes_twice() -> None:
    vins = [vehicle.vin for vehicle in fleet_vins(1000)]
    assert len(vins) == len(set(vins)) == 1029
    assert all(VIN.fullmatch(vin) for vin in vins)


def test_the_ordinary_vehicles_are_numbered_from_one() -> None:
    ordinary = [vehicle.vin for vehicle in fleet_vins(2) if vehicle.ordinary]
    assert ordinary == ["9KTFLEET000000001", "9KTFLEET000000002"]


def test_the_table_has_what_enrolling_the_exceptions_needs() -> None:
    exceptions = {
        vehicle.vin: (vehicle.api, vehicle.ownership, vehicle.plan, vehicle.consent, vehicle.company)
        for vehicle in fleet_vins(20)
        if (vehicle.api, vehicle.ownership, vehicle.plan, vehicle.consent, vehicle.company)
        != ("oem", "owned", "all", True, 1)
    }
    assert exceptions == {
        "9KTRENTED00000022": ("oem", "rented", "all", True, 1),
        "9KTTH1RD000000023": ("oem", "third_party", "all", True, 1),
        "9KTN0PLAN00000024": ("oem", "owned", "location", True, 1),
        "9KT0THER000000025": ("oem", "owned", "all", True, 2),
        "9KTRLYPRK00000026": ("relay", "owned", "all", True, 1),
        "9KTRLYMVG00000027": ("relay", "owned", "all", True, 1),
        "9KTRLYSTL00000028": ("relay", "owned", "all", True, 1),
        "9KTNCNSNT00000029": ("oem", "owned", "all", False, 1),
    }


def test_only_two_vehicles_need_a_short_answer_deadline() -> None:
    deadlines = {vehicle.vin: vehicle.answer_deadline for vehicle in fleet_vins() if vehicle.answer_deadline}
    assert deadlines == {"9KTN0C0V000000011": 10.0, "9KTLATE0000000012": 10.0}


def test_an_ordinary_fleet_has_every_powertrain() -> None:
    assert {vehicle.powertrain for vehicle in fleet_vins()} == {"combustion", "hybrid", "electric"}
