"""From when, and for whom, the end user's consent counts."""

from typing import Any

import pytest

from keyturn.admin.operators import load
from keyturn.auth import passwords
from keyturn.auth.principal import Operator
from keyturn.clock import after
from keyturn.fleet import vehicles
from keyturn.operations import perform
from tests.commands.operations.immobilising import DISABLE
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import INSTALLATION, KEYRING, VIN

DELAY = 600.0
"""Seconds of a change's notice."""
NEW = "9KTNEW00000000099"
NO_CONSENT = "Command blocked by policy: no consent of the end user on record."


@pytest.fixture(autouse=True)
def reachable(env: CommandEnv) -> None:
    env.report(PARKED)


@pytest.fixture
def ana(env: CommandEnv) -> Operator:
    given = {"name": "ana", "email": "ana@example.com", "role": "admin", "password": passwords.DUMMY_HASH}
    env.administer("operator add", **given)
    ((operator_id,),) = env.rows("SELECT id FROM operator")
    return not_none(env.see(load, operator_id, second_factor=True))


def set_vehicle(env: CommandEnv, by: Operator | None, **changes: Any) -> None:
    env.do(perform, KEYRING, INSTALLATION, "vehicle set", {"vehicle": VIN, **changes}, "operator:local", operator=by)


def test_first_consent_counts_ten_minutes_later(env: CommandEnv, ana: Operator) -> None:
    set_vehicle(env, None, consent=None)
    set_vehicle(env, ana, consent="form 77")

    assert env.refused(DISABLE).detail == NO_CONSENT
    env.clock.advance(DELAY - 1)
    assert env.refused(DISABLE).detail == NO_CONSENT
    env.clock.advance(1)
    assert env.register(DISABLE).state == "Queued"


def test_consent_is_judged_again_before_the_sending(env: CommandEnv, ana: Operator) -> None:
    """Withdrawn and given again while a disable waits: the old one does not carry it."""
    waiting = env.register(DISABLE)
    set_vehicle(env, None, consent=None)
    set_vehicle(env, ana, consent="form 77")

    env.intent(waiting)

    assert (env.row(waiting).state, NO_CONSENT in env.row(waiting).detail) == ("Refused", True)


def test_a_vehicle_enrolled_with_one_waits_as_long(env: CommandEnv, ana: Operator) -> None:
    new = {"company": "first", "vin": NEW, "account": "main", "plan": "all", "ownership": "owned", "consent": "form 9"}
    env.do(perform, KEYRING, INSTALLATION, "vehicle add", new, "operator:local", operator=ana)
    vehicle = not_none(env.see(vehicles.find, env.names.company, NEW))

    given = env.clock.now()
    assert not vehicle.consented(env.names.application, given)
    assert not vehicle.consented(env.names.application, after(given, DELAY - 1))
    assert vehicle.consented(env.names.application, after(given, DELAY))


def test_consent_counts_at_once_with_nobody_in_charge(env: CommandEnv) -> None:
    set_vehicle(env, None, consent=None)
    set_vehicle(env, None, consent="form 2")

    assert env.register(DISABLE).state == "Queued"


@pytest.mark.parametrize("given_by", ["asking", "another"])
def test_the_word_of_whoever_asks_is_no_consent(env: CommandEnv, given_by: str) -> None:
    giver = env.names.application if given_by == "asking" else env.names.colleague
    env.do(lambda tx: tx.run("UPDATE vehicle SET consent_by = :by", by=giver))

    if given_by == "asking":
        assert env.refused(DISABLE).detail == NO_CONSENT
    else:
        assert env.register(DISABLE).state == "Queued"


@pytest.mark.parametrize(
    ("actor", "counts"), [("operator:ana", False), ("ana", False), ("operator:bia", True), ("erp", True)]
)
def test_an_operator_does_not_ask_on_an_own_word(env: CommandEnv, actor: str, counts: bool) -> None:
    env.do(lambda tx: tx.run("UPDATE vehicle SET consent_by = 'ana'"))

    assert env.vehicle().consented(actor, env.clock.now()) is counts


def test_consent_given_before_its_giver_was_kept_counts(env: CommandEnv) -> None:
    env.do(lambda tx: tx.run("UPDATE vehicle SET consent_by = NULL, consent_from = NULL"))

    assert env.register(DISABLE).state == "Queued"
