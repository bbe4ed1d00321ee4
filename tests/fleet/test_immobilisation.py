"""The immobilisation record: one open per vehicle, opened as possible, confirmed, attributed, closed, reminded of."""

import json

from keyturn.fleet import immobilisation
from keyturn.fleet.evidence import Position
from keyturn.fleet.immobilisation import Immobilisation, Opening
from keyturn.immobilisation import reminders
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import NOW

HOUR = 3600.0

HERE = Position(-23.55, -46.63, 5)


def opened(env: CommandEnv, by: str = "first") -> Immobilisation:
    env.do(immobilisation.open_for, Opening(env.names.company, env.names.vehicle, by, "erp", "account", "car 1", HERE))
    return current(env)


def current(env: CommandEnv) -> Immobilisation:
    return not_none(env.see(immobilisation.open_record, env.names.vehicle))


def test_a_vehicle_without_a_disable_has_none(env: CommandEnv) -> None:
    assert env.see(immobilisation.open_record, env.names.vehicle) is None


def test_immobilisation_opens_as_possible_and_stays_the_one(env: CommandEnv) -> None:
    record = opened(env)
    assert (record.opened_by, record.state) == ("first", "possible")

    assert opened(env, "second") == record


def test_immobilisation_is_confirmed_by_the_disable_that_executed(env: CommandEnv) -> None:
    record = opened(env)

    env.do(immobilisation.confirm, env.names.vehicle, "second", "engine")
    confirmed = Immobilisation(
        record.id, env.names.company, env.names.vehicle, "second", "confirmed", "account", "car 1"
    )
    assert current(env) == confirmed

    env.do(immobilisation.confirm, env.names.vehicle, "third", "engine")
    assert current(env).opened_by == "second"


def test_another_disable_can_keep_an_immobilisation_open(env: CommandEnv) -> None:
    env.do(immobilisation.reassign, opened(env), "second")

    assert current(env).opened_by == "second"


def test_immobilisation_closes_once_and_a_new_one_may_open(env: CommandEnv) -> None:
    record = opened(env)

    assert env.do(immobilisation.close, record, "enable", "engine")
    assert env.see(immobilisation.open_record, env.names.vehicle) is None
    assert not env.do(immobilisation.close, record, "report", "engine")

    assert opened(env, "later").id != record.id
    sql = "SELECT state, closed_by FROM immobilisation ORDER BY id"
    assert env.rows(sql) == [("closed", "enable"), ("possible", None)]


def test_immobilisation_keeps_actor_consent_and_position_as_they_were(env: CommandEnv) -> None:
    opened(env)
    env.administer("vehicle set", vehicle=env.names.vehicle, consent=None)

    sql = "SELECT actor, consent_at, consent_reference, latitude, longitude, position_at FROM immobilisation"
    assert env.rows(sql) == [("erp", NOW, "form 1", -23.55, -46.63, 5)]


def test_command_that_touches_an_open_immobilisation_belongs_to_its_record(env: CommandEnv) -> None:
    sent = env.register("lock_door")
    env.do(immobilisation.link_command, env.names.vehicle, sent.id)
    record = opened(env)

    env.do(immobilisation.link_command, env.names.vehicle, sent.id)
    env.do(immobilisation.link_command, env.names.vehicle, sent.id)

    assert env.rows("SELECT * FROM immobilisation_command") == [(record.id, sent.id)]


def test_every_step_of_an_immobilisation_is_audited(env: CommandEnv) -> None:
    record = opened(env)
    opened(env, "second")
    for _ in range(2):
        env.do(immobilisation.confirm, env.names.vehicle, "second", "engine")
        env.do(immobilisation.close, record, "operator:ana", "operator:ana", reason="towed", forced=True)

    told = env.rows("SELECT kind, actor, vehicle_id, body FROM entry WHERE kind LIKE 'immobilisation.%' ORDER BY seq")
    assert [(kind, actor, vehicle, json.loads(body)) for kind, actor, vehicle, body in told] == [
        ("immobilisation.opened", "erp", env.names.vehicle, {"immobilisation": record.id, "opened_by": "first"}),
        (
            "immobilisation.confirmed",
            "engine",
            env.names.vehicle,
            {"immobilisation": record.id, "opened_by": "second"},
        ),
        (
            "immobilisation.closed",
            "operator:ana",
            env.names.vehicle,
            {"immobilisation": record.id, "closed_by": "operator:ana", "reason": "towed", "forced": True},
        ),
    ]


def reminded_hours(env: CommandEnv) -> list[float]:
    rows = env.rows("SELECT body FROM entry WHERE kind = 'immobilisation.reminder' ORDER BY seq")
    return [json.loads(body)["hours"] for (body,) in rows]


def remind(env: CommandEnv) -> None:
    for hours in (1.0, 4.0):
        env.do(reminders.remind, hours, "engine", 10)


def test_immobilisation_is_reminded_of_once_after_each_number_of_hours(env: CommandEnv) -> None:
    opened(env)
    for hours, said in ((0.99, []), (0.01, [1.0]), (1.0, [1.0]), (2.0, [1.0, 4.0]), (9.0, [1.0, 4.0])):
        env.clock.advance(hours * HOUR)
        remind(env)
        assert reminded_hours(env) == said


def test_missed_reminders_are_said_once_each(env: CommandEnv) -> None:
    opened(env)
    env.clock.advance(5 * HOUR)

    remind(env)
    remind(env)

    assert reminded_hours(env) == [1.0, 4.0]


def test_closed_immobilisation_is_not_reminded_of(env: CommandEnv) -> None:
    env.do(immobilisation.close, opened(env), "enable", "engine")
    env.clock.advance(5 * HOUR)

    remind(env)

    assert reminded_hours(env) == []
