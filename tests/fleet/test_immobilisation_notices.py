"""What the end user was told, and which immobilisation it belongs to."""

import json

from keyturn.clock import after
from keyturn.fleet import immobilisation
from keyturn.fleet.immobilisation import NoticeChannel, Opening
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import NOW


def tell(env: CommandEnv, channel: NoticeChannel, ago: float = 0.0, text: str | None = None) -> None:
    at = after(NOW, -ago)
    env.do(immobilisation.add_notice, env.names.company, env.names.vehicle, channel, at, text, "operator:ana")


def open_one(env: CommandEnv) -> int:
    env.do(immobilisation.open_for, Opening(env.names.company, env.names.vehicle, "disable", "erp", "account", "car 1"))
    env.do(immobilisation.attach_notices, env.names.vehicle)
    return not_none(env.see(immobilisation.open_record, env.names.vehicle)).id


def test_immobilisation_has_no_notice_at_first(env: CommandEnv) -> None:
    assert env.see(immobilisation.newest_notice, env.names.vehicle) is None


def test_the_newest_is_the_one_that_was_given_last_whenever_it_was_written_down(env: CommandEnv) -> None:
    tell(env, "phone", ago=10, text="called")
    tell(env, "sms", ago=60)

    newest = not_none(env.see(immobilisation.newest_notice, env.names.vehicle))

    assert (newest.channel, newest.at, newest.text, newest.actor) == (
        "phone",
        after(NOW, -10),
        "called",
        "operator:ana",
    )


def test_notice_of_another_vehicle_is_not_this_ones(env: CommandEnv) -> None:
    tell(env, "phone")

    assert env.see(immobilisation.newest_notice, "another") is None


def test_what_was_told_before_and_while_it_is_open_belongs_to_the_record(env: CommandEnv) -> None:
    tell(env, "sms", ago=60)
    record = open_one(env)
    tell(env, "phone")

    assert [notice.channel for notice in env.see(immobilisation.notices_of_record, record)] == ["sms", "phone"]


def test_what_belongs_to_one_record_does_not_move_to_the_next(env: CommandEnv) -> None:
    tell(env, "sms")
    first = open_one(env)
    env.do(immobilisation.close, not_none(env.see(immobilisation.open_record, env.names.vehicle)), "report", "engine")
    second = open_one(env)

    assert [len(env.see(immobilisation.notices_of_record, record)) for record in (first, second)] == [1, 0]


def test_a_notice_is_an_event(env: CommandEnv) -> None:
    tell(env, "email", text="letter 7")

    ((actor, body),) = env.rows("SELECT actor, body FROM entry WHERE kind = 'immobilisation.notice'")
    told = {"channel": "email", "told_at": "2023-11-14T22:13:20.000000+00:00", "text": "letter 7"}
    assert (actor, json.loads(body)) == ("operator:ana", told)
