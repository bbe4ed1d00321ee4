"""Where the vehicle was last, and where it was when it was immobilised."""

import pytest

from keyturn.clock import after
from keyturn.connectors.responses import OutcomeKind
from keyturn.fleet.evidence import Position
from tests.support.command_env import PARKED, CommandEnv
from tests.support.enrolment import NOW

from .immobilising import DISABLE


@pytest.fixture(autouse=True)
def reachable(env: CommandEnv) -> None:
    env.report(PARKED)


def locate(env: CommandEnv, latitude: object, longitude: object, completed_at: int | None = None) -> None:
    env.respond(
        env.send("location"),
        OutcomeKind.SUCCEEDED,
        completed_at=completed_at,
        data={"latitude": latitude, "longitude": longitude},
    )


def position(env: CommandEnv) -> Position | None:
    return env.evidence().expected.position


def test_the_position_at_the_time_of_sending_is_kept(env: CommandEnv) -> None:
    locate(env, -23.5505199, -46.6333094)
    env.clock.advance(30)
    env.send(DISABLE)
    locate(env, 1.0, 2.0)

    kept = env.rows("SELECT latitude, longitude, position_at FROM immobilisation")

    assert kept == [(-23.5505199, -46.6333094, NOW)]
    assert position(env) == Position(1.0, 2.0, after(NOW, 30))


def test_an_older_position_does_not_replace_a_newer_one(env: CommandEnv) -> None:
    env.report({"latitude": 5.0, "longitude": 6.0})
    env.clock.advance(60)
    slow = env.send("location")
    env.clock.advance(30)
    env.report({"latitude": 7.0, "longitude": 8.0})

    env.respond(slow, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 70), data={"latitude": 1.0, "longitude": 2.0})

    assert position(env) == Position(7.0, 8.0, after(NOW, 90))


@pytest.mark.parametrize(("latitude", "longitude"), [(None, 1.0), (90.5, 1.0), (1.0, 181), ("1", 1.0), (True, 1.0)])
def test_what_is_no_position_is_not_kept(env: CommandEnv, latitude: object, longitude: object) -> None:
    locate(env, latitude, longitude)

    assert position(env) is None
