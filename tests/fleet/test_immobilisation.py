"""The immobilisation record: one open per vehicle, opened as possible, confirmed, attributed, closed once."""

from keyturn.fleet import immobilisation
from keyturn.fleet.immobilisation import Immobilisation

from ..commands.yard import Yard, sure


def opened(yard: Yard, by: str = "first") -> Immobilisation:
    yard.do(immobilisation.open_for, yard.names.company, yard.names.vehicle, by)
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

    yard.do(immobilisation.confirm, yard.names.vehicle, "second")
    assert current(yard) == Immobilisation(record.id, "second", "confirmed")

    yard.do(immobilisation.confirm, yard.names.vehicle, "third")
    assert current(yard).opened_by == "second"


def test_another_disable_can_keep_it_open(yard: Yard) -> None:
    yard.do(immobilisation.attribute, opened(yard), "second")

    assert current(yard).opened_by == "second"


def test_it_closes_once_and_a_new_one_may_open(yard: Yard) -> None:
    record = opened(yard)

    assert yard.do(immobilisation.close, record, "enable")
    assert yard.see(immobilisation.open_record, yard.names.vehicle) is None
    assert not yard.do(immobilisation.close, record, "report")

    assert opened(yard, "later").id != record.id
    sql = "SELECT state, closed_by FROM immobilisation ORDER BY id"
    assert yard.rows(sql) == [("closed", "enable"), ("possible", None)]
