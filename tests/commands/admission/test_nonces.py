"""A nonce is good once: whatever its request led to, and however often the purge goes by."""

import pytest

from keyturn.clock import after
from keyturn.commands.admission import nonces
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.execution import expiry
from keyturn.errors import Refusal, SignatureInvalid
from keyturn.store.port import Tx
from tests.support.command_env import CommandEnv
from tests.support.enrolment import NOW, VIN


def nonce(value: str = "n", *, age: float = 0.0, application: str = "a") -> Nonce:
    return Nonce(application, value, after(NOW, -age))


def invalid(refusal: Refusal | None) -> bool:
    return isinstance(refusal, SignatureInvalid)


def commands(env: CommandEnv) -> int:
    return int(env.rows("SELECT count(*) FROM command")[0][0])


def test_a_nonce_registers_once(env: CommandEnv) -> None:
    assert env.ask("location", nonce=nonce()).waiting is not None
    assert invalid(env.refused("location", nonce=nonce()))
    assert env.ask("location", nonce=nonce("another")).answer is not None
    assert commands(env) == 1


def test_a_nonce_of_another_application_is_another(env: CommandEnv) -> None:
    env.ask("location", nonce=nonce())
    assert env.ask("location", nonce=nonce(application="b")).refusal is None


def test_joining_spends_the_nonce(env: CommandEnv) -> None:
    env.ask("location", nonce=nonce("first"))
    assert env.ask("location", nonce=nonce()).answer is not None
    assert invalid(env.refused("location", nonce=nonce()))


def test_an_answer_by_idempotency_key_spends_it(env: CommandEnv) -> None:
    env.ask("location", idempotency_key="k", nonce=nonce("first"))
    assert env.ask("location", idempotency_key="k", nonce=nonce()).answer is not None
    assert invalid(env.refused("location", idempotency_key="k", nonce=nonce()))


def test_a_refusal_spends_the_nonce(env: CommandEnv) -> None:
    assert not invalid(env.refused("location", vin="9KTN0B0DY00000000", nonce=nonce()))
    assert invalid(env.refused("location", nonce=nonce()))
    assert commands(env) == 0


def test_a_replay_of_step_two_does_not_reach_the_code(env: CommandEnv) -> None:
    command, code = env.first_step("enable_ignition", nonce=nonce("first"))
    assert invalid(env.refused("enable_ignition", code, nonce=nonce("first")))
    assert env.row(command).redeemed_at is None
    assert env.ask("enable_ignition", code, nonce=nonce("second")).refusal is None


def test_a_replayed_ignition_attempt_is_written_down(env: CommandEnv) -> None:
    env.ask("disable_ignition", nonce=nonce())
    before = env.rows("SELECT count(*) FROM entry WHERE kind = 'ignition.refused'")
    assert invalid(env.refused("disable_ignition", nonce=nonce()))
    entries = env.rows("SELECT body FROM entry WHERE kind = 'ignition.refused' ORDER BY seq")
    assert len(entries) == before[0][0] + 1
    assert "X-Signature invalid." in entries[-1][0]
    assert VIN in entries[-1][0]


def test_a_transaction_that_fails_leaves_the_nonce_unspent(env: CommandEnv) -> None:
    def taken_and_lost(tx: Tx) -> None:
        assert env.intake.submit(tx, env.request("location", nonce=nonce())).waiting is not None
        raise OSError("the power went")

    with pytest.raises(OSError, match="the power went"):
        env.do(taken_and_lost)
    assert env.ask("location", nonce=nonce()).waiting is not None


@pytest.mark.parametrize(("age", "accepted"), [(60.0, True), (-60.0, True), (60.000001, False), (-60.000001, False)])
def test_a_signature_is_good_for_a_minute_before_and_after_its_creation(
    env: CommandEnv, age: float, accepted: bool
) -> None:
    assert env.see(nonces.is_consumed, nonce(age=age)) is not accepted
    assert invalid(env.ask("location", nonce=nonce(age=age)).refusal) is not accepted


def test_a_creation_beyond_any_time_is_refused(env: CommandEnv) -> None:
    for created_at in (-(10**21), 10**21):
        assert invalid(env.refused("location", nonce=Nonce("a", "n", created_at)))
        assert env.see(nonces.is_consumed, Nonce("a", "n", created_at))


def test_whether_it_is_spent_can_be_asked_without_spending_it(env: CommandEnv) -> None:
    assert not env.see(nonces.is_consumed, nonce())
    env.ask("location", nonce=nonce())
    assert env.see(nonces.is_consumed, nonce())


def test_nonces_are_forgotten_an_hour_after_their_age_refuses_them(env: CommandEnv) -> None:
    env.ask("location", nonce=nonce())
    env.clock.advance(3659.999999)
    env.do(expiry.delete_expired)
    assert env.rows("SELECT value FROM nonce") == [("n",)]
    env.clock.advance(0.000001)
    env.do(expiry.delete_expired)
    assert env.rows("SELECT value FROM nonce") == []
    assert invalid(env.refused("location", nonce=nonce()))
