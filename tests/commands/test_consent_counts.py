"""From when, and for whom, the end user's consent counts."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.fleet import vehicles
from keyturn.tenants import passwords
from keyturn.tenants.operations import perform
from keyturn.tenants.operators import load
from keyturn.tenants.principal import Operator

from .immobilising import DISABLE
from .installation import INSTALLATION, KEYRING, VIN
from .yard import PARKED, Yard, sure

DELAY = 600.0
"""Seconds of a change's notice."""
NEW = "9KTNEW00000000099"
NO_CONSENT = "Command blocked by policy: no consent of the end user on record."


@pytest.fixture(autouse=True)
def reachable(yard: Yard) -> None:
    yard.report(PARKED)


@pytest.fixture
def ana(yard: Yard) -> Operator:
    given = {"name": "ana", "email": "ana@example.com", "role": "admin", "password": passwords.STRANGER}
    yard.administer("operator add", **given)
    ((operator_id,),) = yard.rows("SELECT id FROM operator")
    return sure(yard.see(load, operator_id, second_factor=True))


def set_vehicle(yard: Yard, by: Operator | None, **changes: Any) -> None:
    yard.do(perform, KEYRING, INSTALLATION, "vehicle set", {"vehicle": VIN, **changes}, "operator:local", operator=by)


def test_one_given_where_there_was_none_counts_ten_minutes_later(yard: Yard, ana: Operator) -> None:
    set_vehicle(yard, None, consent=None)
    set_vehicle(yard, ana, consent="form 77")

    assert yard.refused(DISABLE).detail == NO_CONSENT
    yard.clock.advance(DELAY - 1)
    assert yard.refused(DISABLE).detail == NO_CONSENT
    yard.clock.advance(1)
    assert yard.register(DISABLE).state == "Queued"


def test_it_is_judged_again_before_the_sending(yard: Yard, ana: Operator) -> None:
    """Withdrawn and given again while a disable waits: the old one does not carry it."""
    waiting = yard.register(DISABLE)
    set_vehicle(yard, None, consent=None)
    set_vehicle(yard, ana, consent="form 77")

    yard.intent(waiting)

    assert (yard.row(waiting).state, NO_CONSENT in yard.row(waiting).detail) == ("Refused", True)


def test_a_vehicle_enrolled_with_one_waits_as_long(yard: Yard, ana: Operator) -> None:
    new = {"company": "first", "vin": NEW, "account": "main", "plan": "all", "ownership": "owned", "consent": "form 9"}
    yard.do(perform, KEYRING, INSTALLATION, "vehicle add", new, "operator:local", operator=ana)
    vehicle = sure(yard.see(vehicles.find, yard.names.company, NEW))

    given = yard.clock.now()
    assert not vehicle.consented(yard.names.application, given)
    assert not vehicle.consented(yard.names.application, after(given, DELAY - 1))
    assert vehicle.consented(yard.names.application, after(given, DELAY))


def test_with_nobody_in_charge_it_counts_at_once(yard: Yard) -> None:
    set_vehicle(yard, None, consent=None)
    set_vehicle(yard, None, consent="form 2")

    assert yard.register(DISABLE).state == "Queued"


@pytest.mark.parametrize("given_by", ["asking", "another"])
def test_the_word_of_whoever_asks_is_no_consent(yard: Yard, given_by: str) -> None:
    giver = yard.names.application if given_by == "asking" else yard.names.colleague
    yard.do(lambda tx: tx.run("UPDATE vehicle SET consent_by = :by", by=giver))

    if given_by == "asking":
        assert yard.refused(DISABLE).detail == NO_CONSENT
    else:
        assert yard.register(DISABLE).state == "Queued"


@pytest.mark.parametrize(
    ("actor", "counts"), [("operator:ana", False), ("ana", False), ("operator:bia", True), ("erp", True)]
)
def test_an_operator_does_not_ask_on_an_own_word(yard: Yard, actor: str, counts: bool) -> None:
    yard.do(lambda tx: tx.run("UPDATE vehicle SET consent_by = 'ana'"))

    assert yard.vehicle().consented(actor, yard.clock.now()) is counts


def test_one_given_before_its_giver_was_kept_counts(yard: Yard) -> None:
    yard.do(lambda tx: tx.run("UPDATE vehicle SET consent_by = NULL, consent_from = NULL"))

    assert yard.register(DISABLE).state == "Queued"
