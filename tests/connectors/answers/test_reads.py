"""A read without data is no success; an impossible position is no data."""

from typing import Any

import pytest

from keyturn.connectors.responses import NO_ANSWER, OemResponse, Operation, OutcomeKind, SignalReading, StateReport
from tests.connectors.definitions import OPERATION, SYNC, connector
from tests.connectors.orders import order, target
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, answer

pytestmark = pytest.mark.anyio

PLAIN = {"error_code": "code", "data": "position.{name}"}
POSITION: dict[str, Any] = {"latitude": {}, "longitude": {}}
COMMANDS = {"location": {"data": POSITION}, "diagnostics": {"data": {"odometer": {}, "fuel_level": {}}}, "start": {}}


async def sent(oem: Oem, ending: Ending, name: str = "location", **changes: Any) -> OemResponse:
    sender = connector(oem.url, SYNC, **{"result": PLAIN, "commands": COMMANDS, **changes})
    oem.answer_with(ending)
    answered = await sender.send(order(RunningClock(), name))
    await sender.close()
    return answered


def placed(latitude: object, longitude: object) -> Ending:
    return answer(200, {"position": {"latitude": latitude, "longitude": longitude}})


@pytest.mark.parametrize(
    "ending",
    [
        answer(204, ""),
        answer(200, ""),
        answer(200, {}),
        answer(200, {"position": None}),
        answer(200, {"position": {}}),
        placed(None, None),
        placed(-23.5, None),
        placed(None, -46.6),
        placed(134.2, -46.6),
        placed(-23.5, 180.5),
        placed(0, 0),
        placed(0.0, -0.0),
        placed("0", "0"),
        placed(True, False),
        placed("north", "west"),
        placed([-23.5], [-46.6]),
        placed(10**400, 1),
    ],
)
async def test_a_location_without_a_possible_position_is_no_answer(oem: Oem, ending: Ending) -> None:
    answered = await sent(oem, ending)
    assert (answered.kind, answered.detail, answered.data) == (OutcomeKind.FAILED, NO_ANSWER, {})


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(-23.5505199, -46.6333094), (0, 9.5), (51.5, 0), (90, 180), (-90.0, -180.0)]
)
async def test_a_position_on_earth_is_a_success(oem: Oem, latitude: float, longitude: float) -> None:
    answered = await sent(oem, placed(latitude, longitude))
    assert (answered.kind, answered.data) == (OutcomeKind.SUCCEEDED, {"latitude": latitude, "longitude": longitude})


async def test_degrees_written_as_text_become_numbers(oem: Oem) -> None:
    assert (await sent(oem, placed("-23.5", "-46.6"))).data == {"latitude": -23.5, "longitude": -46.6}


@pytest.mark.parametrize(
    ("position", "verdict"),
    [({}, OutcomeKind.FAILED), ({"odometer": [1]}, OutcomeKind.FAILED), ({"odometer": 0}, OutcomeKind.SUCCEEDED)],
)
async def test_diagnostics_without_any_data_point_are_no_answer(
    oem: Oem, position: dict[str, object], verdict: OutcomeKind
) -> None:
    answered = await sent(oem, answer(200, {"position": position}), "diagnostics")
    assert (answered.kind, answered.detail) == (verdict, NO_ANSWER if verdict is OutcomeKind.FAILED else None)


async def test_a_read_that_declares_nothing_and_an_actuation_succeed_without_data(oem: Oem) -> None:
    bare: dict[str, Any] = {"diagnostics": {}, "start": {}}
    assert (await sent(oem, answer(204, ""), "diagnostics", commands=bare)).kind is OutcomeKind.SUCCEEDED
    assert (await sent(oem, answer(204, ""), "start", commands=bare)).kind is OutcomeKind.SUCCEEDED


async def test_a_refusal_is_still_a_refusal(oem: Oem) -> None:
    assert (await sent(oem, answer(200, {"code": "MOVING"}))).kind is OutcomeKind.REFUSED


async def test_an_operation_that_is_done_and_brings_no_position_is_no_answer(oem: Oem) -> None:
    asker = connector(oem.url)
    oem.answer_with(answer(200, {"op": {"state": "done", "data": {"latitude": 95, "longitude": 1}}}))
    answered = await asker.get_status(target(), "location", Operation(id="7"))
    await asker.close()
    assert (answered.kind, answered.detail) == (OutcomeKind.FAILED, NO_ANSWER)


async def reported(oem: Oem, **signals: object) -> StateReport:
    state = {**OPERATION["state"], "value": "{name}", "signals": {name: {} for name in signals}}
    reader = connector(oem.url, state=state)
    oem.answer_with(answer(200, {"up": True, **signals}))
    report = await reader.read_report(target())
    await reader.close()
    assert report is not None
    return report


@pytest.mark.parametrize("place", [(0, 0), (134.2, 1), (1, 181), ("x", 1)])
async def test_an_impossible_position_in_a_report_is_unknown_and_says_why(
    oem: Oem, place: tuple[object, object]
) -> None:
    report = await reported(oem, latitude=place[0], longitude=place[1], speed=0)
    unknown = SignalReading(None, why="not a possible position")
    assert report.readings == {"latitude": unknown, "longitude": unknown, "speed": SignalReading(0)}


async def test_a_possible_position_in_a_report_is_read(oem: Oem) -> None:
    report = await reported(oem, latitude=0, longitude=-46.6)
    assert report.readings == {"latitude": SignalReading(0), "longitude": SignalReading(-46.6)}
