"""Where the vehicle was last, and where it was when it was immobilised."""

import pytest

from keyturn.clock import after
from keyturn.connectors.port import Verdict
from keyturn.fleet.positions import Position

from .immobilising import DISABLE
from .installation import NOW
from .yard import PARKED, Yard


@pytest.fixture(autouse=True)
def reachable(yard: Yard) -> None:
    yard.report(PARKED)


def locate(yard: Yard, latitude: object, longitude: object, completed_at: int | None = None) -> None:
    yard.hear(
        yard.send("location"),
        Verdict.SUCCEEDED,
        completed_at=completed_at,
        data={"latitude": latitude, "longitude": longitude},
    )


def position(yard: Yard) -> Position | None:
    return yard.evidence().track.position


def test_the_position_at_the_time_of_sending_is_kept(yard: Yard) -> None:
    locate(yard, -23.5505199, -46.6333094)
    yard.clock.advance(30)
    yard.send(DISABLE)
    locate(yard, 1.0, 2.0)

    kept = yard.rows("SELECT latitude, longitude, position_at FROM immobilisation")

    assert kept == [(-23.5505199, -46.6333094, NOW)]
    assert position(yard) == Position(1.0, 2.0, after(NOW, 30))


def test_an_older_position_does_not_replace_a_newer_one(yard: Yard) -> None:
    yard.report({"latitude": 5.0, "longitude": 6.0})
    yard.clock.advance(60)
    slow = yard.send("location")
    yard.clock.advance(30)
    yard.report({"latitude": 7.0, "longitude": 8.0})

    yard.hear(slow, Verdict.SUCCEEDED, completed_at=after(NOW, 70), data={"latitude": 1.0, "longitude": 2.0})

    assert position(yard) == Position(7.0, 8.0, after(NOW, 90))


@pytest.mark.parametrize(("latitude", "longitude"), [(None, 1.0), (90.5, 1.0), (1.0, 181), ("1", 1.0), (True, 1.0)])
def test_what_is_no_position_is_not_kept(yard: Yard, latitude: object, longitude: object) -> None:
    locate(yard, latitude, longitude)

    assert position(yard) is None
