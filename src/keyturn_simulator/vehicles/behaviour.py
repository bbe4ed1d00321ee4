"""What an ordinary vehicle does all day: a pure function of (seed, VIN, instant)."""

import hashlib
import math
from collections.abc import Mapping

import msgspec

from keyturn_simulator.clock import SECOND
from keyturn_simulator.vehicles.signals import DRIVING, PARKED, Signal, Value

ROUTINES_BEGIN = 1_672_531_200 * SECOND
HOUR = 3600 * SECOND
HEARTBEAT = HOUR // 4
SPEED_CHANGES = 10 * SECOND
KM_PER_DEGREE = 111.32
TANK_RANGE = 560.0
CITIES = (
    (-23.5505, -46.6333),
    (-22.9068, -43.1729),
    (-25.4284, -49.2733),
    (-19.9167, -43.9345),
    (-8.0476, -34.8770),
    (-30.0346, -51.2177),
)


class Routine(msgspec.Struct, frozen=True):
    """One vehicle's routine: every `period` it leaves home, drives a loop for `drive`, and parks at home again."""

    vin: str
    seed: int
    period: int
    phase: int
    drive: int
    cruise: float
    weak_battery: bool
    malfunction: bool

    @property
    def loop_km(self) -> float:
        return self.cruise * self.drive / HOUR


class Trip(msgspec.Struct, frozen=True):
    """The outing that an instant belongs to; it lasts from one departure to the next."""

    number: int
    left_at: int
    back_at: int
    progress: float
    """0 to 1 on the road, 1 once parked."""


def routine_of(seed: int, vin: str) -> Routine:
    period = between(3, 9, seed, vin, "period")
    return Routine(
        vin=vin,
        seed=seed,
        period=int(period * HOUR),
        phase=int(period * HOUR * draw(seed, vin, "phase")),
        drive=int(between(0.5, 1.5, seed, vin, "drive") * HOUR),
        cruise=between(30, 90, seed, vin, "cruise"),
        weak_battery=draw(seed, vin, "battery") < 0.04,
        malfunction=draw(seed, vin, "malfunction") < 0.02,
    )


def trip_at(routine: Routine, at: int) -> Trip:
    number = (at + routine.phase - ROUTINES_BEGIN) // routine.period
    left_at = ROUTINES_BEGIN + number * routine.period - routine.phase
    progress = min(1.0, (at - left_at) / routine.drive)
    return Trip(number, left_at, left_at + routine.drive, progress)


def coverage_gap(routine: Routine, trip: Trip) -> tuple[int, int] | None:
    """From when until when the vehicle is out of coverage on this outing, if it is."""
    if draw(routine.seed, routine.vin, "gap", trip.number) >= 0.08:
        return None
    begins = trip.left_at + routine.drive // 2
    return begins, begins + HOUR // 3


def last_contact(routine: Routine, at: int) -> tuple[bool, int]:
    """Whether the vehicle is in coverage, and its last contact; after an hour parked it only sends heartbeats."""
    trip = trip_at(routine, at)
    gap = coverage_gap(routine, trip)
    if gap is not None and gap[0] <= at < gap[1]:
        return False, gap[0]
    asleep_for = at - trip.back_at - HOUR
    return True, at if asleep_for < 0 else at - asleep_for % HEARTBEAT


def home(vin: str) -> tuple[float, float]:
    latitude, longitude = CITIES[int(draw(vin, "city") * len(CITIES))]
    return latitude + between(-0.08, 0.08, vin, "north"), longitude + between(-0.08, 0.08, vin, "east")


def position(vin: str, loop_km: float, progress: float) -> dict[str, Value]:
    """Where on its round loop from home a vehicle is, in degrees with 7 decimals."""
    latitude, longitude = home(vin)
    radius = loop_km / math.tau / KM_PER_DEGREE
    angle = math.tau * progress
    east = radius * (1 - math.cos(angle)) / math.cos(math.radians(latitude))
    return {"latitude": round(latitude + radius * math.sin(angle), 7), "longitude": round(longitude + east, 7)}


def distance(routine: Routine, trip: Trip) -> dict[str, Value]:
    """Odometer, and a tank that is filled up whenever it has run down to 5 %."""
    odometer = (trip.number + trip.progress) * routine.loop_km
    return {"odometer": round(odometer, 1), "fuel_level": round(100 - 95 * (odometer / TANK_RANGE % 1), 1)}


def whereabouts(routine: Routine, trip: Trip) -> dict[str, Value]:
    return distance(routine, trip) | position(routine.vin, routine.loop_km, trip.progress)


def daily_signals(routine: Routine, at: int) -> dict[str, Signal]:
    """The vehicle's signals at `at` by its routine."""
    trip = trip_at(routine, at)
    lasting = {**PARKED, "malfunction_indicator": "on" if routine.malfunction else "off"}
    by_hand: dict[str, Value] = {"consecutive_remote_starts": 0, "remote_start_active": False}
    today = driving_signals(routine, trip, at) if trip.progress < 1 else parked_signals(routine, trip, at)
    return signals(lasting, ROUTINES_BEGIN) | signals(by_hand, trip.left_at) | today


def driving_signals(routine: Routine, trip: Trip, at: int) -> dict[str, Signal]:
    state = signals(DRIVING, trip.left_at) | signals(whereabouts(routine, trip), at)
    return state | {"speed": speed(routine, max(trip.left_at, at - at % SPEED_CHANGES))}


def parked_signals(routine: Routine, trip: Trip, at: int) -> dict[str, Signal]:
    values = {name: PARKED[name] for name in (*DRIVING, "doors_locked", "speed")}
    measured_at = max(trip.back_at, at - at % HEARTBEAT)
    voltage = Signal(resting_voltage(routine, measured_at - trip.back_at), measured_at)
    return signals(values | whereabouts(routine, trip), trip.back_at) | {"lv_battery_voltage": voltage}


def speed(routine: Routine, changed_at: int) -> Signal:
    pace = draw(routine.seed, routine.vin, "speed", changed_at)
    return Signal(0.0 if pace < 0.12 else round(routine.cruise * (0.5 + pace), 1), changed_at)


def resting_voltage(routine: Routine, parked_for: int) -> float:
    return round(12.7 - 0.03 * parked_for / HOUR - (1.0 if routine.weak_battery else 0.0), 2)


def signals(values: Mapping[str, Value], observed_at: int) -> dict[str, Signal]:
    return {name: Signal(value, observed_at) for name, value in values.items()}


def draw(*key: object) -> float:
    """A number in (0, 1) that depends on nothing but `key`."""
    digest = hashlib.blake2b("|".join(map(str, key)).encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / 2**48


def between(low: float, high: float, *key: object) -> float:
    return low + (high - low) * draw(*key)
