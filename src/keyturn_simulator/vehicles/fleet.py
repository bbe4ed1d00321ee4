"""Every simulated vehicle: a table of those with a fixed behaviour, and the rule that generates the ordinary ones."""

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Literal

import msgspec

from keyturn_simulator.faults import Fault
from keyturn_simulator.vehicles.behaviour import draw
from keyturn_simulator.vehicles.signals import DRIVING, Value

STANDARD_NORMAL = NormalDist()


class Brand(msgspec.Struct, frozen=True):
    """How quickly a brand's cloud gets through to its vehicles: log-normal around `pace` times the set median."""

    name: str
    pace: float
    spread: float


BRANDS = (Brand("Aurora", 1.0, 0.35), Brand("Borealis", 0.7, 0.25), Brand("Cumbre", 1.6, 0.6))


def latency(brand: Brand, median: float, *key: object) -> float:
    """Seconds from acceptance to the vehicle's answer."""
    return median * brand.pace * math.exp(brand.spread * STANDARD_NORMAL.inv_cdf(draw(*key)))


ApiName = Literal["oem", "relay"]
Powertrain = Literal["combustion", "hybrid", "electric"]
HOUR = 3600.0


class FleetVehicle(msgspec.Struct, frozen=True):
    """One VIN: how it behaves, and how a demo should enrol it. Durations are seconds."""

    vin: str
    behaviour: str
    fault: Fault = Fault.NONE
    signals: Mapping[str, Value] = {}
    reachable: bool | None = True
    """What the cloud reports; None: it reports nothing."""
    evidence_age: float = 0.0
    """How old every state read is, and the last contact with it."""
    ordinary: bool = False
    api: ApiName = "oem"
    powertrain: Powertrain = "combustion"
    ownership: Literal["owned", "rented", "third_party"] = "owned"
    plan: Literal["all", "location"] = "all"
    consent: bool = True
    company: Literal[1, 2] = 1
    answer_deadline: float | None = None
    """The override under which the behaviour shows; None keeps the gateway's default."""

    @property
    def brand(self) -> Brand:
        return BRANDS[int(draw(self.vin, "brand") * len(BRANDS))] if self.ordinary else BRANDS[0]


def moving(speed: float) -> dict[str, Value]:
    return {**DRIVING, "speed": speed}


SPECIAL = (
    FleetVehicle("9KTPARKED00000001", "healthy, parked, off"),
    FleetVehicle("9KTM0V1NG00000002", "driving at 60 km/h", signals=moving(60.0)),
    FleetVehicle("9KTH00D0000000003", "hood open", signals={"hood_status": "open"}),
    FleetVehicle("9KTFUEL0000000004", "fuel in reserve", signals={"fuel_level": 4.0}),
    FleetVehicle("9KTBATT0000000005", "battery 10.9 V", signals={"lv_battery_voltage": 10.9}),
    FleetVehicle("9KTHAZARD00000006", "hazard lights on", signals={"hazard_lights": "on"}),
    FleetVehicle("9KTGEARD000000007", "gear in drive, standing, ignition on", signals=moving(0.0)),
    FleetVehicle("9KTM1L00000000008", "malfunction light on", signals={"malfunction_indicator": "on"}),
    FleetVehicle("9KTSTARTS00000009", "two consecutive remote starts", signals={"consecutive_remote_starts": 2}),
    FleetVehicle(
        "9KTD1SABL00000010", "ignition already disabled by remote command", signals={"ignition_disabled": True}
    ),
    FleetVehicle(
        "9KTN0C0V000000011",
        "out of coverage: accepted, never answered",
        fault=Fault.SILENT,
        reachable=False,
        evidence_age=6 * HOUR,
        answer_deadline=10.0,
    ),
    FleetVehicle("9KTLATE0000000012", "acts and answers after the deadline", fault=Fault.LATE, answer_deadline=10.0),
    FleetVehicle("9KT0EM50000000013", "the OEM answers 500", fault=Fault.OEM_ERROR),
    FleetVehicle("9KTN0URL000000014", "202 without an operation url, look-up off", fault=Fault.NO_URL),
    FleetVehicle("9KTT1ME0000000015", "taken and done, the call is never answered", fault=Fault.NEVER_ANSWERS),
    FleetVehicle("9KTDR0P0000000016", "taken and done, the connection is dropped", fault=Fault.DROPS),
    FleetVehicle("9KTFLAKY000000017", "503 twice, then works", fault=Fault.FLAKY),
    FleetVehicle("9KTBADJS000000018", "taken and done, 200 with rubbish, look-up off", fault=Fault.BAD_JSON),
    FleetVehicle("9KTSL0W0000000019", "the vehicle needs 20 s", fault=Fault.SLOW),
    FleetVehicle("9KTL1AR0000000020", "reports success, nothing happens", fault=Fault.LIAR),
    FleetVehicle("9KTSTALE000000021", "state and last contact an hour old", reachable=None, evidence_age=HOUR),
    FleetVehicle("9KTRENTED00000022", "rented by the company", ownership="rented"),
    FleetVehicle("9KTTH1RD000000023", "ownership type third_party", ownership="third_party"),
    FleetVehicle("9KTN0PLAN00000024", "only location in its plan", plan="location"),
    FleetVehicle("9KT0THER000000025", "belongs to the second company", company=2),
    FleetVehicle("9KTRLYPRK00000026", "behind the relay: parked", api="relay"),
    FleetVehicle("9KTRLYMVG00000027", "behind the relay: moving", api="relay", signals=moving(50.0)),
    FleetVehicle("9KTRLYSTL00000028", "evidence an hour old", api="relay", reachable=None, evidence_age=HOUR),
    FleetVehicle("9KTNCNSNT00000029", "no consent of the end user on record", consent=False),
)


def ordinary_vehicle(number: int) -> FleetVehicle:
    vin = f"9KTFLEET{number:09d}"
    chance = draw(vin, "powertrain")
    powertrain: Powertrain = "electric" if chance < 0.15 else "hybrid" if chance < 0.3 else "combustion"
    return FleetVehicle(vin, "ordinary", ordinary=True, powertrain=powertrain)


def fleet_vins(vehicles: int = 200) -> Iterator[FleetVehicle]:
    """Every vehicle of a simulator with this many ordinary ones, the fixed behaviours first."""
    yield from SPECIAL
    yield from (ordinary_vehicle(number) for number in range(1, vehicles + 1))
