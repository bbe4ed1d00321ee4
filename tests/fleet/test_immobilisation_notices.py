"""What the end user was told, and which immobilisation it belongs to."""

import json

from keyturn.clock import after
from keyturn.fleet import immobilisation, notices
from keyturn.fleet.immobilisation import Opening
from keyturn.fleet.notices import Channel

from ..commands.installation import NOW
from ..commands.yard import Yard, sure


def tell(yard: Yard, channel: Channel, ago: float = 0.0, text: str | None = None) -> None:
    at = after(NOW, -ago)
    yard.do(notices.add, yard.names.company, yard.names.vehicle, channel, at, text, "operator:ana")


def open_one(yard: Yard) -> int:
    yard.do(
        immobilisation.open_for, Opening(yard.names.company, yard.names.vehicle, "disable", "erp", "account", "car 1")
    )
    yard.do(notices.adopt, yard.names.vehicle)
    return sure(yard.see(immobilisation.open_record, yard.names.vehicle)).id


def test_nobody_was_told_anything_at_first(yard: Yard) -> None:
    assert yard.see(notices.newest, yard.names.vehicle) is None


def test_the_newest_is_the_one_that_was_given_last_whenever_it_was_written_down(yard: Yard) -> None:
    tell(yard, "phone", ago=10, text="called")
    tell(yard, "sms", ago=60)

    newest = sure(yard.see(notices.newest, yard.names.vehicle))

    assert (newest.channel, newest.at, newest.text, newest.actor) == (
        "phone",
        after(NOW, -10),
        "called",
        "operator:ana",
    )


def test_another_vehicles_notice_is_not_this_ones(yard: Yard) -> None:
    tell(yard, "phone")

    assert yard.see(notices.newest, "another") is None


def test_what_was_told_before_and_while_it_is_open_belongs_to_the_record(yard: Yard) -> None:
    tell(yard, "sms", ago=60)
    record = open_one(yard)
    tell(yard, "phone")

    assert [notice.channel for notice in yard.see(notices.of_record, record)] == ["sms", "phone"]


def test_what_belongs_to_one_record_does_not_move_to_the_next(yard: Yard) -> None:
    tell(yard, "sms")
    first = open_one(yard)
    yard.do(immobilisation.close, sure(yard.see(immobilisation.open_record, yard.names.vehicle)), "report", "engine")
    second = open_one(yard)

    assert [len(yard.see(notices.of_record, record)) for record in (first, second)] == [1, 0]


def test_a_notice_is_an_event(yard: Yard) -> None:
    tell(yard, "email", text="letter 7")

    ((actor, body),) = yard.rows("SELECT actor, body FROM entry WHERE kind = 'immobilisation.notice'")
    told = {"channel": "email", "told_at": "2023-11-14T22:13:20.000000+00:00", "text": "letter 7"}
    assert (actor, json.loads(body)) == ("operator:ana", told)
