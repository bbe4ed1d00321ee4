"""What a report changes in what is known: the newer word on each signal wins, and nothing is averaged."""

from typing import Any

import pytest

from keyturn.clock import SECOND
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import LoggedRequest, SignalReading, StateReport
from keyturn.fleet import evidence, reports
from keyturn.fleet.evidence import Evidence, ExpectedState, Position, ReportedState, Signal, Unread
from tests.support.command_env import CommandEnv

T = 1_700_000_000 * SECOND


def at(seconds: float) -> int:
    return T + round(seconds * SECOND)


def heard(
    known: Evidence, seconds: float, readings: dict[str, SignalReading], last_contact: int | None = None, **said: Any
) -> Evidence:
    """A report received `seconds` after T."""
    return reports.merge_report(
        known, StateReport(readings, last_contact=last_contact, **said), at(seconds), "oem", EvidenceSettings()
    )


def speed(known: Evidence) -> Signal:
    return known.report.signals["speed"]


def test_a_reading_is_kept_as_the_source_said_it() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(40.0, at(1), at(3))})

    assert speed(known) == Signal(40.0, observed_at=at(1), as_of=at(3), received_at=at(5), source="oem")


@pytest.mark.parametrize(("as_of", "wins"), [(2, False), (3, True), (4, True)])
def test_a_signal_moves_to_what_was_vouched_for_later_whatever_came_in_later(as_of: float, wins: bool) -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(40.0, at(1), at(3))})

    known = heard(known, 9, {"speed": SignalReading(0.0, at(2), at(as_of))})

    assert speed(known).value == (0.0 if wins else 40.0)


def test_a_signal_that_a_report_leaves_out_stays_as_it_was() -> None:
    first = heard(
        Evidence(), 5, {"speed": SignalReading(40.0, at(1), at(3)), "hood_status": SignalReading("open", at(1), at(3))}
    )

    known = heard(first, 9, {"speed": SignalReading(0.0, at(8), at(8))})

    assert known.report.signals["hood_status"] == first.report.signals["hood_status"]


def test_a_value_vouched_for_again_is_newer_and_as_old_in_being() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(0.0, at(1), at(3))})

    known = heard(known, 9, {"speed": SignalReading(0.0, at(1), at(8))})

    assert (speed(known).observed_at, speed(known).as_of, speed(known).received_at) == (at(1), at(8), at(9))


def test_a_null_that_is_newer_makes_the_value_unknown() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(0.0, at(1), at(3))})

    known = heard(known, 9, {"speed": SignalReading(None, None, at(8))})

    assert speed(known).value is None


def test_where_the_source_does_not_say_since_when_it_is_since_we_first_saw_it() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(0.0, None, at(3))})
    assert speed(known).observed_at == at(5)

    known = heard(known, 9, {"speed": SignalReading(0.0, None, at(8))})
    assert speed(known).observed_at == at(5)

    known = heard(known, 12, {"speed": SignalReading(40.0, None, at(11))})
    assert speed(known).observed_at == at(12)


@pytest.mark.parametrize("between", [40.0, None])
def test_a_break_ends_what_we_saw(between: float | None) -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(0.0, None, at(3))})
    known = heard(known, 9, {"speed": SignalReading(between, None, at(8))})

    known = heard(known, 12, {"speed": SignalReading(0.0, None, at(11))})

    assert speed(known).observed_at == at(12)


@pytest.mark.parametrize(
    ("reading", "contact", "as_of"),
    [
        (SignalReading(0.0, at(1), at(3)), at(4), at(3)),
        (SignalReading(0.0, None, None), at(4), at(4)),
        (SignalReading(0.0, None, None), None, None),
    ],
)
def test_signal_value_is_dated_by_when_it_was_vouched_for(
    reading: SignalReading, contact: int | None, as_of: int | None
) -> None:
    assert speed(heard(Evidence(), 5, {"speed": reading}, contact)).as_of == as_of


def test_a_value_with_a_time_goes_before_one_without() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(40.0)})
    known = heard(known, 6, {"speed": SignalReading(0.0, at(1), at(3))})
    assert speed(known).value == 0.0

    known = heard(known, 7, {"speed": SignalReading(50.0)})
    assert speed(known).value == 0.0


def test_reachability_is_the_newest_word_and_the_last_contact_never_goes_back() -> None:
    known = heard(Evidence(), 5, {}, at(4), reachable=True)
    known = heard(known, 9, {}, at(2), reachable=False)

    assert (known.report.reachable, known.report.reachable_at, known.report.last_contact) == (False, at(9), at(4))


def test_a_report_from_the_future_does_not_silence_the_reports_after_it() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(40.0, at(86_400), at(86_400))}, at(86_400))

    known = heard(known, 9, {"speed": SignalReading(0.0, at(8), at(8))}, at(8))

    assert speed(known).value == 0.0
    assert known.report.last_contact == at(8)


def test_a_value_seen_before_a_long_silence_was_not_seen_without_a_break() -> None:
    known = heard(Evidence(), 5, {"system_power_mode": SignalReading("off", None, at(5))})

    known = heard(known, 86_400, {"system_power_mode": SignalReading("off", None, at(86_400))})

    assert known.report.signals["system_power_mode"].observed_at == at(86_400)


def test_what_is_known_is_read_back_as_it_was_saved(env: CommandEnv) -> None:
    known = heard(
        Evidence(), 5, {"speed": SignalReading(40.5, at(1), at(3)), "doors_locked": SignalReading(True)}, at(4)
    )

    env.do(evidence.save, env.names.vehicle, known)
    assert env.see(evidence.load, env.names.vehicle) == known

    env.do(evidence.save, env.names.vehicle, Evidence())
    assert env.do(evidence.load_to_change, env.names.vehicle) == Evidence()


def test_nothing_is_known_of_a_vehicle_that_never_said_anything(env: CommandEnv) -> None:
    assert env.see(evidence.load, env.names.vehicle) == Evidence()
    assert Evidence().report.value("speed") is None


def place(
    seconds: float, latitude: float | None, longitude: float | None, later: float = 0.0
) -> dict[str, SignalReading]:
    """A latitude of `seconds` after T and a longitude of `later` seconds after that; None: it is left out."""
    return {
        name: SignalReading(value, at(when), at(when))
        for name, value, when in (("latitude", latitude, seconds), ("longitude", longitude, seconds + later))
        if value is not None
    }


@pytest.mark.parametrize("later", [1.0, -1.0])
def test_where_a_report_says_the_vehicle_is_counts_from_the_older_of_its_two_values(later: float) -> None:
    known = heard(Evidence(), 9, place(5, -23.5, -46.6, later))

    assert known.expected.position == Position(-23.5, -46.6, at(5 + min(later, 0.0)))


@pytest.mark.parametrize("said", [(-23.5, None), (None, -46.6)])
def test_half_a_position_is_none(said: tuple[float | None, float | None]) -> None:
    assert heard(Evidence(), 9, place(5, *said)).expected.position is None


@pytest.mark.parametrize("undated", ["latitude", "longitude"])
def test_a_place_of_which_nobody_says_when_is_none(undated: str) -> None:
    readings = {**place(5, -23.5, -46.6), undated: SignalReading(1.0, None, None)}

    assert heard(Evidence(), 9, readings).expected.position is None


def test_a_place_that_is_older_than_the_known_one_does_not_replace_it() -> None:
    known = Evidence(expected=ExpectedState(position=Position(1.0, 2.0, at(7))))

    assert heard(known, 9, place(5, -23.5, -46.6)).expected.position == Position(1.0, 2.0, at(7))
    assert heard(known, 9, place(8, -23.5, -46.6)).expected.position == Position(-23.5, -46.6, at(8))


@pytest.mark.parametrize("name", ["ignition_disabled", "remote_start_active"])
@pytest.mark.parametrize(("said", "as_of", "stays"), [(False, 4, False), (False, 3, True), (True, 4, True)])
def test_only_a_denial_after_our_last_word_ends_our_own_record(
    name: str, said: bool, as_of: float, stays: bool
) -> None:
    ours = Evidence(expected=ExpectedState(**{name: True}, changed_at={name: at(3)}))  # type: ignore[arg-type]  # one name of two

    known = heard(ours, 9, {name: SignalReading(said, at(1), at(as_of))})

    assert getattr(known.expected, name) is stays


def test_a_value_from_the_future_is_unknown_since_we_were_told() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(40.0, at(86_400), at(86_400))})

    why = "86,395 s in the future"
    assert speed(known) == Signal(None, observed_at=at(5), as_of=at(5), received_at=at(5), source="oem", why=why)


def test_a_report_without_a_count_does_not_repeat_the_one_before_it() -> None:
    """The count of before our last start is not said again by a report on something else."""
    ours = Evidence(
        ReportedState({"consecutive_remote_starts": Signal(0, at(4), at(4), at(4), "oem")}),
        ExpectedState(consecutive_starts=2, started_at=at(3)),
    )

    known = heard(ours, 9, {"speed": SignalReading(0.0, at(8), at(8))})

    assert known.expected.consecutive_starts == 2


def test_the_newest_value_is_told_whatever_its_age() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(40.0, at(-86_400), at(-86_400))})

    assert known.report.value("speed") == 40.0
    assert known.report.value("hood_status") is None


def test_of_a_vehicle_never_heard_of_and_never_commanded_no_instant_is_known() -> None:
    nothing = Evidence()
    track = nothing.expected

    assert (nothing.report.reachable_at, nothing.report.last_contact) == (0, None)
    assert (track.actuated_at, track.started_at, track.enabled_at, track.alert_active_until) == (0, 0, 0, 0)
    assert (track.ignition_disabled, track.remote_start_active, track.start_pending) == (False, False, False)


@pytest.mark.parametrize(("value", "number"), [(2, 2), (2.0, 2), (2.5, None), (True, None), ("2", None), (None, None)])
def test_a_count_is_a_whole_number_however_it_is_written(value: Any, number: int | None) -> None:
    assert evidence.whole_number(value) == number
    assert evidence.whole_number(value) is not True


def test_a_report_is_dated_on_the_stores_clock_where_that_is_ahead() -> None:
    report = StateReport(
        {"speed": SignalReading(0.0, at(1), at(2), "first seen"), "hood": SignalReading(None)}, last_contact=at(3)
    )

    assert reports.on_store_clock(report, 0) == report
    told = reports.on_store_clock(report, 60 * SECOND)

    assert told.readings == {"speed": SignalReading(0.0, at(61), at(62), "first seen"), "hood": SignalReading(None)}
    assert told.last_contact == at(63)
    assert reports.on_store_clock(StateReport({}), SECOND).last_contact is None


def test_a_read_that_brought_nothing_is_kept_beside_what_was_known() -> None:
    known = heard(Evidence(), 5, {"speed": SignalReading(40.0, at(1), at(3))})
    silent = LoggedRequest("GET /state", at(9), 1.0, problem="the answer is empty")

    after = reports.with_failed_read(known, silent, at(9))

    assert after.report.unread == Unread(at(9), silent)
    assert speed(after) == speed(known)
    assert heard(after, 12, {"speed": SignalReading(41.0, at(11), at(11))}).report.unread is None
