"""Times: the definition takes precedence over every default; a time that is not understood is reported."""

from datetime import UTC, datetime
from typing import Any

import pytest

from keyturn.clock import SECOND, after
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.preconditions.context import EvaluationContext
from keyturn.commands.preconditions.evaluation import Assessment, CheckResult, PreconditionResult, evaluate
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.port import Capabilities
from keyturn.connectors.responses import StateReport
from keyturn.fleet import reports
from keyturn.fleet.evidence import Evidence
from tests.commands.preconditions.cases import vehicle
from tests.connectors.definitions import OPERATION, connector, definition
from tests.connectors.orders import order, target
from tests.support.clock import RunningClock
from tests.support.oem import Oem, answer

pytestmark = pytest.mark.anyio

TEN_O_CLOCK = 1_714_557_600_000_000
"""2024-05-01T10:00:00Z."""
NOT_UNDERSTOOD = "its time is not understood"
RULES = EvidenceSettings()
SHAPED_LIKE_UTC = "%Y-%m-%dT%H:%M:%SZ"


async def read(oem: Oem, body: object, times: dict[str, Any], **state: Any) -> StateReport | None:
    reader = connector(oem.url, state={**OPERATION["state"], **state}, times=times)
    oem.answer_with(answer(200, body))
    report = await reader.read_report(target())
    await reader.close()
    return report


async def contact(oem: Oem, raw: object, times: dict[str, Any], **state: Any) -> tuple[int | None, str]:
    report = await read(oem, {"up": True, "contact": raw}, times, **state)
    assert report is not None
    return report.last_contact, report.last_contact_why


@pytest.mark.parametrize(
    ("raw", "times", "expected"),
    [
        ("2024-05-01T12:00:00Z", {"zone": "+02:00", "pattern": SHAPED_LIKE_UTC}, TEN_O_CLOCK),
        ("2024-05-01T12:00:00Z", {"zone": "Europe/Berlin", "pattern": SHAPED_LIKE_UTC}, TEN_O_CLOCK),
        ("2024-05-01T12:00:00.000Z", {"zone": "+02:00", "pattern": SHAPED_LIKE_UTC}, TEN_O_CLOCK),
        ("2024-05-01T10:00:00+00:00", {"zone": "+02:00", "pattern": SHAPED_LIKE_UTC}, TEN_O_CLOCK),
        ("2024-05-01T10:00:00Z", {"pattern": SHAPED_LIKE_UTC}, TEN_O_CLOCK),
        ("2024-01-05 10:00", {"zone": "UTC", "pattern": "%Y-%d-%m %H:%M"}, TEN_O_CLOCK),
        ("20240501100000", {"zone": "UTC", "pattern": "%Y%m%d%H%M%S"}, TEN_O_CLOCK),
        (20240501100000, {"zone": "UTC", "pattern": "%Y%m%d%H%M%S"}, TEN_O_CLOCK),
        ("20240501100000250", {"zone": "UTC", "pattern": "%Y%m%d%H%M%S%f"}, TEN_O_CLOCK + 250_000),
        (1_714_557_600, {"zone": "UTC", "pattern": "%Y%m%d%H%M%S"}, TEN_O_CLOCK),
        (1_714_557_600_000, {"zone": "UTC", "pattern": "%Y%m%d%H%M%S", "epoch": "ms"}, TEN_O_CLOCK),
        ("1714557600000000", {"epoch": "us"}, TEN_O_CLOCK),
        ("20240501", {"zone": "UTC", "pattern": "%Y%m%d"}, TEN_O_CLOCK - 36_000 * SECOND),
        ("/Date(1714557600000)/", {}, TEN_O_CLOCK),
        ("/Date(1714557600000+0200)/", {"zone": "-03:00"}, TEN_O_CLOCK),
        ("2024-05-01T10:00:00Z", {"zone": "+02:00", "epoch": "ms", "pattern": "%d/%m/%Y"}, TEN_O_CLOCK),
    ],
)
async def test_pattern_then_epoch_then_rfc_3339(oem: Oem, raw: object, times: dict[str, Any], expected: int) -> None:
    assert await contact(oem, raw, times) == (expected, "")


@pytest.mark.parametrize("raw", ["yesterday", "2024-05-01T10:00:00", -5, True, ["2024"], "/Date(-1)/", 10**20])
async def test_a_time_that_is_there_and_not_understood_is_none_with_a_reason(oem: Oem, raw: object) -> None:
    assert await contact(oem, raw, {}) == (None, NOT_UNDERSTOOD)


@pytest.mark.parametrize("raw", [None, ""])
async def test_a_time_that_is_not_there_has_no_fault(oem: Oem, raw: object) -> None:
    assert await contact(oem, raw, {}) == (None, "")


async def test_one_answer_may_hold_seconds_here_and_milliseconds_and_local_times_there(oem: Oem) -> None:
    body = {
        "contact": 1_714_557_600_000,
        "signals": {
            "speed": {"v": 0, "seen": "/Date(1714557600000)/", "as_of": 1_714_557_600},
            "doors_locked": {"v": "L", "at": "01.05.2024 12:00", "as_of": 1_714_557_600},
        },
    }
    local = {"value": "signals.{name}.at", "zone": "+02:00", "pattern": "%d.%m.%Y %H:%M"}
    signals = {"speed": {}, "doors_locked": {"values": {"L": True}, "observed_at": local}}
    report = await read(oem, body, {}, last_contact={"value": "contact", "epoch": "ms"}, signals=signals)
    assert report is not None
    assert report.last_contact == TEN_O_CLOCK
    times = {(reading.observed_at, reading.as_of) for reading in report.readings.values()}
    assert times == {(TEN_O_CLOCK, TEN_O_CLOCK)}


async def test_a_time_s_own_notation_comes_before_the_general_one(oem: Oem) -> None:
    general = {"zone": "+02:00", "pattern": "%Y%m%d%H%M%S"}
    own = {"value": "contact", "epoch": "s"}
    assert await contact(oem, 20240501100000, general, last_contact=own) == (None, NOT_UNDERSTOOD)
    assert (await contact(oem, 20240501120000, general))[0] == TEN_O_CLOCK
    zone = {"value": "contact", "zone": "UTC"}
    assert (await contact(oem, 20240501100000, general, last_contact=zone))[0] == TEN_O_CLOCK


async def test_the_time_of_a_completion_can_have_its_own_notation(oem: Oem) -> None:
    result = {**OPERATION["result"], "completed_at": {"value": "op.at", "epoch": "ms"}}
    sender = connector(oem.url, accepted={"id": "op.id", "state": "op.state"}, result=result)
    oem.answer_with(answer(200, {"op": {"id": "7", "state": "done", "at": TEN_O_CLOCK // 1000}}))
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    assert answered.completed_at == TEN_O_CLOCK


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ({"value": "at", "zone": "Mars"}, "state.last_contact: zone: no time zone 'Mars'; allowed are IANA names"),
        ({"value": "at", "epoch": "days"}, "state.last_contact: epoch: expected one of s, ms, us"),
        (
            {"value": "at", "unit": "ms"},
            "state.last_contact: unit: no such key; allowed are epoch, pattern, value",
        ),
        ({"value": "a["}, "state.last_contact: not JMESPath"),
        ({"epoch": "ms"}, "state.last_contact: Object missing required field `value`"),
        (7, "state.last_contact: expected an expression, or a table of value, zone, pattern and epoch"),
    ],
)
def test_a_fault_in_a_time_is_named(time: object, message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        definition(state={**OPERATION["state"], "last_contact": time})
    assert str(refused.value).startswith(message)


AT_REST: dict[str, Any] = {"speed": 0, "system_power_mode": "off", "transmission_gear": "park"}
CAR: dict[str, Any] = {
    "reachable": "`true`",
    "last_contact": "ts",
    "value": "{name}",
    "as_of": "ts",
    "observed_at": "since",
    "signals": {name: {} for name in AT_REST},
}


async def findings(oem: Oem, ahead: float, times: dict[str, Any], **raw: Any) -> dict[int, PreconditionResult]:
    """What a state read of a car at rest means for an immobilisation; its cloud's clock is `ahead` seconds."""
    clock = RunningClock()
    stamp = [_text(after(clock.now(), seconds)) for seconds in (ahead, ahead - 600)]
    report = await read(oem, {"ts": stamp[0], "since": stamp[1], **AT_REST, **raw}, times, **CAR)
    assert report is not None
    now = clock.now()
    known = reports.merge_report(Evidence(), report, now, "oem", RULES)
    judged = _case(known, now)
    found = evaluate(judged, RULES, fresh=True)
    refused = bool(Assessment(judged, found).refusals(acceptance=False))
    assert refused == any(f.verdict is not CheckResult.MET for f in found)
    return {finding.number: finding for finding in found}


async def test_a_car_at_rest_that_was_heard_of_now_may_be_immobilised(oem: Oem) -> None:
    found = await findings(oem, 0, {"zone": "UTC", "pattern": SHAPED_LIKE_UTC})
    assert {finding.verdict for finding in found.values()} == {CheckResult.MET}


async def test_a_local_time_that_looks_like_utc_is_as_old_as_the_definition_says(oem: Oem) -> None:
    found = await findings(oem, 5, {"zone": "+02:00", "pattern": SHAPED_LIKE_UTC})
    assert found[3].verdict is CheckResult.UNKNOWN
    speed = found[3].signals["speed"]
    assert speed.why == "too old"
    assert speed.age is not None
    assert 7190 < speed.age < 7200


async def test_a_time_in_the_future_says_how_far_in_the_verdict(oem: Oem) -> None:
    found = await findings(oem, 7195, {"zone": "UTC", "pattern": SHAPED_LIKE_UTC})
    assert found[3].verdict is CheckResult.UNKNOWN
    why = {found[3].signals["speed"].why, found[13].signals["last_contact"].why}
    assert why <= {"7,194 s in the future", "7,195 s in the future"}


async def test_a_value_whose_own_time_is_not_understood_is_not_vouched_for_by_another_time(oem: Oem) -> None:
    clock = RunningClock()
    own = {**CAR["signals"], "speed": {"as_of": "spoken"}}
    raw = {"ts": _text(clock.now()), "since": _text(after(clock.now(), -600)), **AT_REST, "spoken": "a minute ago"}
    report = await read(oem, raw, {"zone": "UTC"}, **{**CAR, "signals": own})
    assert report is not None
    known = reports.merge_report(Evidence(), report, clock.now(), "oem", RULES)
    speed = evaluate(_case(known, clock.now()), RULES, fresh=True)[0].signals["speed"]
    assert (speed.value, speed.why) == (None, NOT_UNDERSTOOD)


async def test_a_report_of_unreadable_times_alone_replaces_what_was_known_and_says_why(oem: Oem) -> None:
    clock = RunningClock()
    before = reports.merge_report(Evidence(), (await read_at_rest(oem, _text(clock.now()))), clock.now(), "oem", RULES)
    after_it = reports.merge_report(before, (await read_at_rest(oem, "nonsense")), clock.now(), "oem", RULES)
    signal = after_it.report.signals["speed"]
    assert (before.report.signals["speed"].value, signal.value, signal.why) == (0, None, NOT_UNDERSTOOD)


async def read_at_rest(oem: Oem, stamp: str) -> StateReport:
    report = await read(oem, {"ts": stamp, "since": stamp, **AT_REST}, {"zone": "UTC"}, **CAR)
    assert report is not None
    return report


def _case(known: Evidence, now: int) -> EvaluationContext:
    capabilities = Capabilities(frozenset(COMMANDS), reads_state=True)
    return EvaluationContext(COMMANDS["disable_ignition"], vehicle(), known, capabilities, frozenset(), now)


def _text(instant: int) -> str:
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime(SHAPED_LIKE_UTC)
