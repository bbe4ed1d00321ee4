"""The immobilisation record: one open per vehicle, opened as possible, confirmed, attributed, closed, reminded of."""

import json

from keyturn.fleet import immobilisation
from keyturn.fleet.immobilisation import Immobilisation, Opening
from keyturn.fleet.positions import Position

from ..commands.installation import NOW
from ..commands.yard import Yard, sure

HOUR = 3600.0

HERE = Position(-23.55, -46.63, 5)


def opened(yard: Yard, by: str = "first") -> Immobilisation:
    yard.do(
        immobilisation.open_for, Opening(yard.names.company, yard.names.vehicle, by, "erp", "account", "car 1", HERE)
    )
    return current(yard)


def current(yard: Yard) -> Immobilisation:
    return sure(yard.see(immobilisation.open_record, yard.names.vehicle))


def test_a_vehicle_without_a_disable_has_none(yard: Yard) -> None:
    assert yard.see(immobilisation.open_record, yard.names.vehicle) is None


def test_it_opens_as_possible_and_stays_the_one(yard: Yard) -> None:
    record = opened(yard)
    assert (record.opened_by, record.state) == ("first", "possible")

    assert opened(yard, "second") == record


def test_it_is_confirmed_by_the_disable_that_executed(yard: Yard) -> None:
    record = opened(yard)

    yard.do(immobilisation.confirm, yard.names.vehicle, "second", "engine")
    confirmed = Immobilisation(
        record.id, yard.names.company, yard.names.vehicle, "second", "confirmed", "account", "car 1"
    )
    assert current(yard) == confirmed

    yard.do(immobilisation.confirm, yard.names.vehicle, "third", "engine")
    assert current(yard).opened_by == "second"


def test_another_disable_can_keep_it_open(yard: Yard) -> None:
    yard.do(immobilisation.attribute, opened(yard), "second")

    assert current(yard).opened_by == "second"


def test_it_closes_once_and_a_new_one_may_open(yard: Yard) -> None:
    record = opened(yard)

    assert yard.do(immobilisation.close, record, "enable", "engine")
    assert yard.see(immobilisation.open_record, yard.names.vehicle) is None
    assert not yard.do(immobilisation.close, record, "report", "engine")

    assert opened(yard, "later").id != record.id
    sql = "SELECT state, closed_by FROM immobilisation ORDER BY id"
    assert yard.rows(sql) == [("closed", "enable"), ("possible", None)]


def test_it_keeps_who_asked_the_consent_and_the_position_as_they_were(yard: Yard) -> None:
    opened(yard)
    yard.administer("vehicle set", vehicle=yard.names.vehicle, consent=None)

    sql = "SELECT actor, consent_at, consent_reference, latitude, longitude, position_at FROM immobilisation"
    assert yard.rows(sql) == [("erp", NOW, "form 1", -23.55, -46.63, 5)]


def test_it_belongs_to_the_record_what_touches_it_while_it_is_open(yard: Yard) -> None:
    sent = yard.register("lock_door")
    yard.do(immobilisation.touch, yard.names.vehicle, sent.id)
    record = opened(yard)

    yard.do(immobilisation.touch, yard.names.vehicle, sent.id)
    yard.do(immobilisation.touch, yard.names.vehicle, sent.id)

    assert yard.rows("SELECT * FROM immobilisation_command") == [(record.id, sent.id)]


def test_every_step_of_it_is_told(yard: Yard) -> None:
    record = opened(yard)
    opened(yard, "second")
    for _ in range(2):
        yard.do(immobilisation.confirm, yard.names.vehicle, "second", "engine")
        yard.do(immobilisation.close, record, "operator:ana", "operator:ana", reason="towed", forced=True)

    told = yard.rows("SELECT kind, actor, vehicle_id, body FROM entry WHERE kind LIKE 'immobilisation.%' ORDER BY seq")
    assert [(kind, actor, vehicle, json.loads(body)) for kind, actor, vehicle, body in told] == [
        ("immobilisation.opened", "erp", yard.names.vehicle, {"immobilisation": record.id, "opened_by": "first"}),
        (
            "immobilisation.confirmed",
            "engine",
            yard.names.vehicle,
            {"immobilisation": record.id, "opened_by": "second"},
        ),
        (
            "immobilisation.closed",
            "operator:ana",
            yard.names.vehicle,
            {"immobilisation": record.id, "closed_by": "operator:ana", "reason": "towed", "forced": True},
        ),
    ]


def reminders(yard: Yard) -> list[float]:
    rows = yard.rows("SELECT body FROM entry WHERE kind = 'immobilisation.reminder' ORDER BY seq")
    return [json.loads(body)["hours"] for (body,) in rows]


def remind(yard: Yard) -> None:
    for hours in (1.0, 4.0):
        yard.do(immobilisation.remind, hours, "engine", 10)


def test_it_is_reminded_of_once_after_each_number_of_hours(yard: Yard) -> None:
    opened(yard)
    for hours, said in ((0.99, []), (0.01, [1.0]), (1.0, [1.0]), (2.0, [1.0, 4.0]), (9.0, [1.0, 4.0])):
        yard.clock.advance(hours * HOUR)
        remind(yard)
        assert reminders(yard) == said


def test_what_was_due_while_nobody_looked_is_said_once_each(yard: Yard) -> None:
    opened(yard)
    yard.clock.advance(5 * HOUR)

    remind(yard)
    remind(yard)

    assert reminders(yard) == [1.0, 4.0]


def test_nobody_is_reminded_of_a_closed_one(yard: Yard) -> None:
    yard.do(immobilisation.close, opened(yard), "enable", "engine")
    yard.clock.advance(5 * HOUR)

    remind(yard)

    assert reminders(yard) == []
