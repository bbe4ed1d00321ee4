"""A nonce is good once: whatever its request led to, and however often the purge goes by."""

import pytest

from keyturn.clock import after
from keyturn.commands import nonces, purge
from keyturn.commands.nonces import Nonce
from keyturn.errors import Refusal, SignatureInvalid
from keyturn.store.port import Tx

from .installation import NOW, VIN
from .yard import Yard


def nonce(value: str = "n", *, age: float = 0.0, application: str = "a") -> Nonce:
    return Nonce(application, value, after(NOW, -age))


def invalid(refusal: Refusal | None) -> bool:
    return isinstance(refusal, SignatureInvalid)


def commands(yard: Yard) -> int:
    return int(yard.rows("SELECT count(*) FROM command")[0][0])


def test_a_nonce_registers_once(yard: Yard) -> None:
    assert yard.ask("location", nonce=nonce()).waiting is not None
    assert invalid(yard.refused("location", nonce=nonce()))
    assert yard.ask("location", nonce=nonce("another")).answer is not None
    assert commands(yard) == 1


def test_a_nonce_of_another_application_is_another(yard: Yard) -> None:
    yard.ask("location", nonce=nonce())
    assert yard.ask("location", nonce=nonce(application="b")).refusal is None


def test_joining_spends_it(yard: Yard) -> None:
    yard.ask("location", nonce=nonce("first"))
    assert yard.ask("location", nonce=nonce()).answer is not None
    assert invalid(yard.refused("location", nonce=nonce()))


def test_an_answer_by_idempotency_key_spends_it(yard: Yard) -> None:
    yard.ask("location", idempotency_key="k", nonce=nonce("first"))
    assert yard.ask("location", idempotency_key="k", nonce=nonce()).answer is not None
    assert invalid(yard.refused("location", idempotency_key="k", nonce=nonce()))


def test_a_refusal_spends_it(yard: Yard) -> None:
    assert not invalid(yard.refused("location", vin="9KTN0B0DY00000000", nonce=nonce()))
    assert invalid(yard.refused("location", nonce=nonce()))
    assert commands(yard) == 0


def test_a_replay_of_step_two_does_not_reach_the_code(yard: Yard) -> None:
    command, code = yard.first_step("enable_ignition", nonce=nonce("first"))
    assert invalid(yard.refused("enable_ignition", code, nonce=nonce("first")))
    assert yard.row(command).redeemed_at is None
    assert yard.ask("enable_ignition", code, nonce=nonce("second")).refusal is None


def test_a_replayed_ignition_attempt_is_written_down(yard: Yard) -> None:
    yard.ask("disable_ignition", nonce=nonce())
    before = yard.rows("SELECT count(*) FROM entry WHERE kind = 'ignition.refused'")
    assert invalid(yard.refused("disable_ignition", nonce=nonce()))
    entries = yard.rows("SELECT body FROM entry WHERE kind = 'ignition.refused' ORDER BY seq")
    assert len(entries) == before[0][0] + 1
    assert "X-Signature invalid." in entries[-1][0]
    assert VIN in entries[-1][0]


def test_a_transaction_that_fails_leaves_the_nonce_unspent(yard: Yard) -> None:
    def taken_and_lost(tx: Tx) -> None:
        assert yard.intake.submit(tx, yard.request("location", nonce=nonce())).waiting is not None
        raise OSError("the power went")

    with pytest.raises(OSError, match="the power went"):
        yard.do(taken_and_lost)
    assert yard.ask("location", nonce=nonce()).waiting is not None


@pytest.mark.parametrize(("age", "accepted"), [(60.0, True), (-60.0, True), (60.000001, False), (-60.000001, False)])
def test_a_signature_is_good_for_a_minute_before_and_after_its_creation(yard: Yard, age: float, accepted: bool) -> None:
    assert yard.see(nonces.is_spent, nonce(age=age)) is not accepted
    assert invalid(yard.ask("location", nonce=nonce(age=age)).refusal) is not accepted


def test_a_creation_beyond_any_time_is_refused(yard: Yard) -> None:
    for created_at in (-(10**21), 10**21):
        assert invalid(yard.refused("location", nonce=Nonce("a", "n", created_at)))
        assert yard.see(nonces.is_spent, Nonce("a", "n", created_at))


def test_whether_it_is_spent_can_be_asked_without_spending_it(yard: Yard) -> None:
    assert not yard.see(nonces.is_spent, nonce())
    yard.ask("location", nonce=nonce())
    assert yard.see(nonces.is_spent, nonce())


def test_nonces_are_forgotten_an_hour_after_their_age_refuses_them(yard: Yard) -> None:
    yard.ask("location", nonce=nonce())
    yard.clock.advance(3659.999999)
    yard.do(purge.forget)
    assert yard.rows("SELECT value FROM nonce") == [("n",)]
    yard.clock.advance(0.000001)
    yard.do(purge.forget)
    assert yard.rows("SELECT value FROM nonce") == []
    assert invalid(yard.refused("location", nonce=nonce()))
