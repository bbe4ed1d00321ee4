"""The shipped definitions against the simulated clouds that come with Keyturn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.connectors.port import Connector, OutboundCommand, Target
from keyturn.connectors.registry import build_connectors
from keyturn.connectors.responses import OemResponse, OutcomeKind
from keyturn_simulator import Simulator, SimulatorSettings
from tests.support.clock import RunningClock

from .configured import http_settings
from .orders import account, order

pytestmark = pytest.mark.anyio

DIAGNOSTICS = {
    *("fuel_amount", "fuel_capacity", "fuel_level", "fuel_range", "odometer", "seat_belt_status", "system_power_mode"),
    *("ideal_front_tire_pressure", "ideal_rear_tire_pressure", "oil_remaining_life", "oil_remaining_life_status"),
    *("left_front_tire_pressure", "left_front_tire_pressure_status", "right_front_tire_pressure"),
    *("right_front_tire_pressure_status", "left_rear_tire_pressure", "left_rear_tire_pressure_status"),
    *("right_rear_tire_pressure", "right_rear_tire_pressure_status", "total_fuel_economy", "total_fuel_used"),
}


class Cloud:
    """A running simulator and the two connectors that lead to it."""

    def __init__(self, simulator: Simulator) -> None:
        self._base_url = simulator.base_url
        configs = {
            "simulator": http_settings("simulator", base_url=simulator.base_url, timeout=0.5),
            "relay": http_settings("relay", base_url=f"{simulator.base_url}/relay", timeout=0.5),
        }
        self.connectors: dict[str, Connector] = build_connectors(configs, RunningClock())

    def order(self, vin: str, name: str = "start") -> OutboundCommand:
        return order(RunningClock(), name, at=Target(account(token=SimulatorSettings().token), vin, vin))

    async def outcome(self, sent: OutboundCommand, connector: str = "simulator") -> OemResponse:
        """Sends, and asks until the answer is final."""
        oem = self.connectors[connector]
        answered = await oem.send(sent)
        while answered.kind is OutcomeKind.IN_PROGRESS and answered.operation:
            answered = await oem.get_status(sent.target, sent.name, answered.operation)
        return answered

    async def find_by_reference(self, sent: OutboundCommand) -> OemResponse:
        return await self.connectors["simulator"].find_by_reference(sent.target, sent.name, sent.command_id)

    async def actuations(self, vin: str) -> int:
        """What the simulator's own ledger counts."""
        async with aiohttp.request("GET", f"{self._base_url}/vehicles/{vin}/ledger") as response:
            return len((await response.json())["actuations"])


@asynccontextmanager
async def clouds(**settings: Any) -> AsyncIterator[Cloud]:
    async with Simulator(SimulatorSettings(vehicles=0, **settings)) as simulator:
        cloud = Cloud(simulator)
        yield cloud
        for connector in cloud.connectors.values():
            await connector.close()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def cloud(anyio_backend: str) -> AsyncIterator[Cloud]:
    """One fleet for all tests: no two of them change the same vehicle."""
    async with clouds() as running:
        yield running


@pytest.mark.parametrize(
    ("vin", "preconditions"),
    [
        ("9KTM0V1NG00000002", (1,)),
        ("9KTH00D0000000003", (5,)),
        ("9KTFUEL0000000004", (6,)),
        ("9KTBATT0000000005", (7,)),
        ("9KTHAZARD00000006", (8,)),
        ("9KTGEARD000000007", (3,)),
        ("9KTM1L00000000008", (10,)),
        ("9KTSTARTS00000009", (11,)),
    ],
)
async def test_a_vehicle_s_refusal_has_the_number_of_the_precondition(
    cloud: Cloud, vin: str, preconditions: tuple[int, ...]
) -> None:
    answered = await cloud.outcome(cloud.order(vin))
    assert (answered.kind, answered.preconditions) == (OutcomeKind.REFUSED, preconditions)
    assert await cloud.actuations(vin) == 0


async def test_a_healthy_vehicle_starts_once_and_says_when(cloud: Cloud) -> None:
    answered = await cloud.outcome(cloud.order("9KTPARKED00000001"))
    assert answered.kind is OutcomeKind.SUCCEEDED
    assert answered.completed_at is not None
    assert await cloud.actuations("9KTPARKED00000001") == 1


async def test_reads_bring_what_the_catalogue_promises(cloud: Cloud) -> None:
    location = await cloud.outcome(cloud.order("9KTPARKED00000001", "location"))
    diagnostics = await cloud.outcome(cloud.order("9KTPARKED00000001", "diagnostics"))
    assert location.data.keys() == {"latitude", "longitude"}
    assert diagnostics.data.keys() == DIAGNOSTICS


async def test_a_vehicle_that_was_so_already_is_a_success(cloud: Cloud) -> None:
    answered = await cloud.outcome(cloud.order("9KTD1SABL00000010", "disable_ignition"))
    assert (answered.kind, answered.already_done) == (OutcomeKind.SUCCEEDED, True)


async def test_an_immobilised_vehicle_fails_to_start_with_our_text(cloud: Cloud) -> None:
    answered = await cloud.outcome(cloud.order("9KTD1SABL00000010"))
    assert (answered.kind, answered.detail) == (OutcomeKind.FAILED, "The vehicle is immobilised.")


async def test_a_500_was_not_taken_for_good(cloud: Cloud) -> None:
    answered = await cloud.outcome(cloud.order("9KT0EM50000000013"))
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)
    assert await cloud.actuations("9KT0EM50000000013") == 0


async def test_a_503_was_not_taken_for_now(cloud: Cloud) -> None:
    sent = cloud.order("9KTFLAKY000000017")
    answers = [await cloud.outcome(sent) for _ in range(3)]
    assert [(each.kind, each.temporary) for each in answers] == [
        (OutcomeKind.NOT_TAKEN, True),
        (OutcomeKind.NOT_TAKEN, True),
        (OutcomeKind.SUCCEEDED, False),
    ]
    assert await cloud.actuations("9KTFLAKY000000017") == 1


@pytest.mark.parametrize("vin", ["9KTN0URL000000014", "9KTBADJS000000018"])
async def test_an_answer_without_an_operation_may_have_happened_and_look_up_finds_nothing(
    cloud: Cloud, vin: str
) -> None:
    sent = cloud.order(vin)
    assert (await cloud.outcome(sent)).kind is OutcomeKind.NO_OPERATION
    assert (await cloud.find_by_reference(sent)).kind is OutcomeKind.NOTHING_FOUND
    assert await cloud.actuations(vin) == 1


@pytest.mark.parametrize("vin", ["9KTT1ME0000000015", "9KTDR0P0000000016"])
async def test_a_lost_answer_may_have_happened_and_look_up_finds_it(cloud: Cloud, vin: str) -> None:
    sent = cloud.order(vin)
    assert (await cloud.outcome(sent)).kind is OutcomeKind.UNCLEAR
    assert (await cloud.find_by_reference(sent)).kind is OutcomeKind.SUCCEEDED
    assert await cloud.actuations(vin) == 1


async def test_a_vehicle_that_the_oem_does_not_know_was_not_taken(cloud: Cloud) -> None:
    answered = await cloud.outcome(cloud.order("9KTNEVER000000099"))
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)


async def test_a_wrong_token_was_not_taken(cloud: Cloud) -> None:
    sent = cloud.order("9KTPARKED00000001")
    stranger = msgspec.structs.replace(sent.target, account=account(token="wrong"))
    answered = await cloud.outcome(msgspec.structs.replace(sent, target=stranger))
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)


async def test_state_has_every_signal_that_a_precondition_or_a_verification_reads(cloud: Cloud) -> None:
    report = (await cloud.connectors["simulator"].read_state(cloud.order("9KTPARKED00000001").target)).report
    assert report is not None
    assert report.reachable is True
    assert report.last_contact is not None
    needed = {spec.verified_by.signal for spec in COMMANDS.values() if spec.verified_by}
    assert needed | {"speed", "hood_status", "transmission_gear"} <= report.readings.keys()
    assert [name for name, reading in report.readings.items() if reading.value is None or reading.as_of is None] == []


async def test_a_vehicle_out_of_coverage_is_reported_so(cloud: Cloud) -> None:
    report = (await cloud.connectors["simulator"].read_state(cloud.order("9KTN0C0V000000011").target)).report
    assert report is not None
    assert report.reachable is False


async def test_the_relay_obeys_under_its_own_path(cloud: Cloud) -> None:
    sent = cloud.order("9KTRLYPRK00000026", "disable_ignition")
    assert (await cloud.outcome(sent, "relay")).kind is OutcomeKind.SUCCEEDED
    report = (await cloud.connectors["relay"].read_state(sent.target)).report
    assert report is not None
    assert report.readings["ignition_disabled"].value is True


async def test_a_cancel_counts_where_the_cloud_says_that_the_vehicle_never_got_it() -> None:
    async with clouds(allow_cancel=True) as cloud:
        sent = cloud.order("9KTSL0W0000000019")
        taken = await cloud.connectors["simulator"].send(sent)
        assert taken.operation is not None
        response = await cloud.connectors["simulator"].cancel(sent.target, taken.operation)
        assert await cloud.actuations("9KTSL0W0000000019") == 0
    assert (response.kind, response.cancelled) == (OutcomeKind.FAILED, True)


async def test_a_cloud_that_does_not_cancel_says_nothing(cloud: Cloud) -> None:
    sent = cloud.order("9KTSL0W0000000019")
    taken = await cloud.connectors["simulator"].send(sent)
    assert taken.operation is not None
    response = await cloud.connectors["simulator"].cancel(sent.target, taken.operation)
    assert response.kind is OutcomeKind.NOTHING_FOUND


async def test_a_repeated_key_is_taken_once_where_the_cloud_heeds_it() -> None:
    async with clouds(honour_idempotency_key=True) as cloud:
        sent = cloud.order("9KTPARKED00000001", "lock_door")
        first, again = await cloud.connectors["simulator"].send(sent), await cloud.connectors["simulator"].send(sent)
    assert first.operation == again.operation
