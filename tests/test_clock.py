"""Instants, durations, and how they are printed."""

import time

import pytest

from keyturn.clock import SECOND, SystemClock, after, contract_time, iso_time, seconds_between

AT = 1_676_379_108 * SECOND


@pytest.mark.parametrize(
    ("instant", "printed"),
    [
        (AT, "2023-02-14 09:51:48"),
        (AT + SECOND - 1, "2023-02-14 09:51:48"),
        (0, "1969-12-31 21:00:00"),
        (1_704_077_999 * SECOND, "2023-12-31 23:59:59"),
        (1_704_078_000 * SECOND, "2024-01-01 00:00:00"),
        (1_541_300_400 * SECOND, "2018-11-04 00:00:00"),
        (253_402_300_799 * SECOND, "9999-12-31 20:59:59"),
    ],
)
def test_contract_times_are_in_utc_minus_3_without_daylight_saving(instant: int, printed: str) -> None:
    assert contract_time(instant) == printed


@pytest.mark.parametrize(
    ("instant", "printed"),
    [(AT, "2023-02-14T12:51:48.000000+00:00"), (AT + 7, "2023-02-14T12:51:48.000007+00:00")],
)
def test_other_times_are_rfc_3339_in_utc(instant: int, printed: str) -> None:
    assert iso_time(instant) == printed


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Sao_Paulo"])
def test_the_zone_of_the_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert (contract_time(AT), iso_time(AT)) == ("2023-02-14 09:51:48", "2023-02-14T12:51:48.000000+00:00")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("seconds", "micros"), [(0, 0), (0.5, 500_000), (-0.5, -500_000), (0.0000014, 1), (86_400.0, 86_400_000_000)]
)
def test_a_duration_moves_an_instant_and_lies_between_two(seconds: float, micros: int) -> None:
    assert after(AT, seconds) == AT + micros
    assert seconds_between(AT, AT + micros) == micros / SECOND


def test_the_machines_clocks_run() -> None:
    clock = SystemClock()

    assert isinstance(clock.now(), int)
    assert abs(clock.now() - time.time_ns() // 1000) < 60 * SECOND
    assert clock.monotonic() <= clock.monotonic()
    assert clock.boottime() <= clock.boottime()
    assert clock.boottime() >= clock.monotonic() - 60
