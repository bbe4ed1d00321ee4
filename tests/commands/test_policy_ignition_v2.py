"""A company that demands version 2 of the signature for immobilising."""

import pytest

from keyturn.commands.nonces import Nonce

from .immobilising import DISABLE, ENABLE
from .installation import VIN
from .yard import PARKED, Yard


@pytest.fixture(autouse=True)
def demanding(yard: Yard) -> None:
    yard.report(PARKED)
    yard.administer("policy set", company="first", ignition_v2=True)


def nonce(yard: Yard, value: str) -> Nonce:
    return Nonce(yard.names.application, value, yard.clock.now() + 60_000_000)


def test_a_first_step_in_version_1_is_refused_as_an_unsigned_one_is(yard: Yard) -> None:
    refusal = yard.refused(DISABLE)

    assert (refusal.http_status, refusal.detail) == (403, "X-Signature invalid.")
    assert yard.rows("SELECT count(*) FROM command") == [(0,)]
    assert yard.rows("SELECT count(*) FROM entry WHERE kind = 'ignition.refused'") == [(1,)]


def test_so_is_a_second_step_which_burns_no_code(yard: Yard) -> None:
    code = yard.first_step(DISABLE, nonce=nonce(yard, "one"))[1]

    assert yard.refused(DISABLE, code).detail == "X-Signature invalid."
    answer = yard.ask(DISABLE, code, nonce=nonce(yard, "two"))
    assert answer.waiting is not None


def test_whose_the_vehicle_is_stays_untold(yard: Yard) -> None:
    for vin in (VIN, "9KT0THER000000025", "9KTNONE0000000001"):
        assert yard.refused(DISABLE, vin=vin).detail == "X-Signature invalid."


@pytest.mark.parametrize("command", [ENABLE, "start", "cancel_start", "location"])
def test_nothing_else_needs_it_and_the_way_back_least(yard: Yard, command: str) -> None:
    assert yard.ask(command).refusal is None


def test_another_company_has_its_own_rules(yard: Yard) -> None:
    other = {"company_id": yard.names.other_company, "application_id": yard.names.other_application}
    assert yard.ask(DISABLE, vin="9KT0THER000000025", **other).refusal is None
