"""A company that demands version 2 of the signature for immobilising."""

import pytest

from keyturn.commands.admission.nonces import Nonce
from tests.commands.operations.immobilising import DISABLE, ENABLE
from tests.support.command_env import PARKED, CommandEnv
from tests.support.enrolment import VIN


@pytest.fixture(autouse=True)
def demanding(env: CommandEnv) -> None:
    env.report(PARKED)
    env.administer("policy set", company="first", ignition_v2=True)


def nonce(env: CommandEnv, value: str) -> Nonce:
    return Nonce(env.names.application, value, env.clock.now() + 60_000_000)


def test_a_first_step_in_version_1_is_refused_as_an_unsigned_one_is(env: CommandEnv) -> None:
    refusal = env.refused(DISABLE)

    assert (refusal.http_status, refusal.detail) == (403, "X-Signature invalid.")
    assert env.rows("SELECT count(*) FROM command") == [(0,)]
    assert env.rows("SELECT count(*) FROM entry WHERE kind = 'ignition.refused'") == [(1,)]


def test_second_step_without_version_2_is_refused_and_burns_no_code(env: CommandEnv) -> None:
    code = env.first_step(DISABLE, nonce=nonce(env, "one"))[1]

    assert env.refused(DISABLE, code).detail == "X-Signature invalid."
    answer = env.ask(DISABLE, code, nonce=nonce(env, "two"))
    assert answer.waiting is not None


def test_whose_the_vehicle_is_stays_untold(env: CommandEnv) -> None:
    for vin in (VIN, "9KT0THER000000025", "9KTNONE0000000001"):
        assert env.refused(DISABLE, vin=vin).detail == "X-Signature invalid."


@pytest.mark.parametrize("command", [ENABLE, "start", "cancel_start", "location"])
def test_only_an_immobilisation_needs_version_2(env: CommandEnv, command: str) -> None:
    assert env.ask(command).refusal is None


def test_another_company_has_its_own_rules(env: CommandEnv) -> None:
    other = {"company_id": env.names.other_company, "application_id": env.names.other_application}
    assert env.ask(DISABLE, vin="9KT0THER000000025", **other).refusal is None
