"""State reads: the source's values, under our names and in our units."""

from typing import Any

import pytest

from keyturn.connectors.responses import SignalReading, StateReport
from tests.connectors.definitions import OPERATION, connector
from tests.connectors.orders import target
from tests.support.oem import DROP, HANG, Ending, Oem, answer

pytestmark = pytest.mark.anyio

TEN_O_CLOCK = 1_714_557_600_000_000
"""2024-05-01T10:00:00Z."""
STATE = OPERATION["state"]


async def read(oem: Oem, ending: Ending, *, times: dict[str, Any] | None = None, **changes: Any) -> StateReport | None:
    reader = connector(oem.url, state={**STATE, **changes}, times=times or {})
    oem.answer_with(ending)
    report = await reader.read_report(target())
    await reader.close()
    return report


async def reading(oem: Oem, raw: dict[str, object], **field: Any) -> SignalReading:
    """The reading of one signal, `speed`, described by `field`."""
    report = await read(oem, answer(200, {"up": True, "signals": {"speed": raw}}), signals={"speed": field})
    assert report is not None
    return report.readings["speed"]


async def test_a_report_has_reachability_last_contact_and_a_reading_for_each_listed_signal(oem: Oem) -> None:
    body = {
        "up": True,
        "contact": "2024-05-01T10:00:00Z",
        "signals": {
            "speed": {"v": 0, "seen": "2024-05-01T09:00:00Z", "as_of": "2024-05-01T10:00:00Z"},
            "doors_locked": {"v": "L"},
            "unlisted": {"v": 1},
        },
    }
    report = await read(oem, answer(200, body))
    hour = 3_600_000_000
    speed = SignalReading(0, observed_at=TEN_O_CLOCK - hour, as_of=TEN_O_CLOCK)
    assert report == StateReport({"speed": speed, "doors_locked": SignalReading(True)}, True, TEN_O_CLOCK)
    assert (oem.seen[0].method, oem.seen[0].target) == ("GET", "/cars/car%201%2Fa/state")


FLAGGED, UNMAPPED = "the source flags it as not valid", "the definition does not say what this value means"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ({"v": None}, ""),
        ({}, ""),
        ({"v": 10, "stale": True}, FLAGGED),
        ({"v": [1]}, UNMAPPED),
        ({"v": {}}, UNMAPPED),
        ({"v": "x" * 65}, UNMAPPED),
    ],
)
async def test_a_flagged_null_or_unusable_value_is_unknown_and_says_why(
    oem: Oem, raw: dict[str, object], why: str
) -> None:
    assert await reading(oem, raw) == SignalReading(None, why=why)


@pytest.mark.parametrize(
    ("raw", "field", "value"),
    [
        (100, {"scale": 1.609344}, 160.9344),
        (50, {"scale": 1.8, "offset": 32.0}, 122.0),
        ("12.5", {"scale": 1.0}, 12.5),
        ("fast", {"scale": 1.0}, None),
        (True, {"scale": 1.0}, None),
        ("P", {"values": {"P": "park", "D": "drive"}}, "park"),
        ("X", {"values": {"P": "park"}}, None),
        (True, {"values": {"true": "on", "false": "off"}}, "on"),
        (2, {"values": {"1": "open", "2": "closed"}}, "closed"),
        ("off", {}, "off"),
        (False, {}, False),
    ],
)
async def test_units_and_words_are_mapped(oem: Oem, raw: object, field: dict[str, Any], value: object) -> None:
    mapped = (await reading(oem, {"v": raw}, **field)).value
    assert mapped == pytest.approx(value) if isinstance(value, float) else mapped == value
    assert isinstance(mapped, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("raw", "times", "expected"),
    [
        ("2024-05-01T10:00:00Z", {}, TEN_O_CLOCK),
        ("2024-05-01T07:00:00.000001-03:00", {}, TEN_O_CLOCK + 1),
        ("2024-05-01T10:00:00", {}, None),
        ("2024-05-01 07:00:00", {"zone": "America/Sao_Paulo"}, TEN_O_CLOCK),
        ("2024-05-01 07:00:00", {"zone": "-03:00"}, TEN_O_CLOCK),
        ("01/05/2024 07:00:00", {"zone": "-03:00", "pattern": "%d/%m/%Y %H:%M:%S"}, TEN_O_CLOCK),
        ("2024-05-01T10:00:00Z", {"zone": "-03:00", "pattern": "%d/%m/%Y %H:%M:%S"}, TEN_O_CLOCK),
        (1_714_557_600, {}, TEN_O_CLOCK),
        (1_714_557_600.5, {}, TEN_O_CLOCK + 500_000),
        (1_714_557_600_000, {"epoch": "ms"}, TEN_O_CLOCK),
        ("1714557600000", {"epoch": "ms"}, TEN_O_CLOCK),
        (1_714_557_600_000, {}, None),
        (-1, {}, None),
        (1e300, {}, None),
        (True, {}, None),
        ("yesterday", {}, None),
        ("9999-12-31T23:59:59-12:00", {}, None),
        (None, {}, None),
    ],
)
async def test_times_are_instants_or_unknown(
    oem: Oem, raw: object, times: dict[str, Any], expected: int | None
) -> None:
    report = await read(oem, answer(200, {"up": False, "contact": raw}), times=times)
    assert report is not None
    assert report.last_contact == expected


@pytest.mark.parametrize(("raw", "reachable"), [(True, True), (False, False), (None, None), ("UP", None), (1, None)])
async def test_only_a_boolean_says_whether_the_vehicle_is_reachable(
    oem: Oem, raw: object, reachable: bool | None
) -> None:
    report = await read(oem, answer(200, {"up": raw, "contact": "2024-05-01T10:00:00Z"}))
    assert report is not None
    assert report.reachable is reachable


@pytest.mark.parametrize(
    "ending",
    [DROP, HANG, answer(200, "<<<"), answer(200, {}), answer(200, []), answer(503, {"up": True}), answer(401, {})],
    ids=["drop", "hang", "rubbish", "empty", "list", "503", "401"],
)
async def test_a_source_that_does_not_say_is_none(oem: Oem, ending: Ending) -> None:
    assert await read(oem, ending, timeout=0.2) is None


async def test_a_definition_without_state_declares_no_reading_and_reads_nothing(oem: Oem) -> None:
    reader = connector(oem.url, state=None)
    assert not reader.capabilities.reads_state
    assert await reader.read_report(target()) is None
    await reader.close()
    assert oem.seen == []
