"""How operators sign in, and how those who are none do not."""

import json
from typing import Any

import pytest
from argon2 import PasswordHasher

from keyturn.auth import passwords
from keyturn.auth.principal import Credentials, Operator
from keyturn.auth.totp import code_at, enrolment_uri, step_of
from keyturn.errors import OperationError
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import PASSWORD, Staff


def test_a_right_password_signs_in_without_a_second_factor(ana: Staff) -> None:
    operator = ana.sign_in("ana")

    assert operator == Operator(ana.id("ana"), "ana", "admin", None, second_factor=False)
    assert ana.kinds()[-1] == "operator.signed_in"


def test_a_code_makes_it_two_factors(ana: Staff) -> None:
    assert ana.sign_in("ana", code=ana.code("ana")).second_factor


@pytest.mark.parametrize("drift", [-1, 0, 1])
def test_a_telephone_may_be_one_step_off(ana: Staff, drift: int) -> None:
    assert ana.sign_in("ana", code=ana.code("ana", drift)).second_factor


@pytest.mark.parametrize("drift", [-2, 2])
def test_a_telephone_may_not_be_two_steps_off(ana: Staff, drift: int) -> None:
    ana.turned_away("ana", code=ana.code("ana", drift))


def test_a_code_is_good_once(ana: Staff) -> None:
    code, next_code = ana.code("ana"), ana.code("ana", 1)
    ana.sign_in("ana", code=code)

    ana.turned_away("ana", code=code)
    assert ana.sign_in("ana", code=next_code).second_factor
    ana.turned_away("ana", code=code)


def test_a_code_used_many_times_at_once_is_good_once(ana: Staff) -> None:
    came = ana.all_at_once([Credentials("ana", PASSWORD, ana.code("ana"))] * 4)
    assert sum(isinstance(each, Operator) for each in came) == 1


def test_the_codes_are_those_of_the_standard() -> None:
    secret = b"12345678901234567890"  # RFC 6238, appendix B, the last six of the eight digits
    known = {59: "287082", 1_111_111_109: "081804", 1_234_567_890: "005924", 20_000_000_000: "353130"}

    assert {at: code_at(secret, at // 30) for at in known} == known
    assert step_of(secret, "287082", 59_000_000, 0) == 1
    assert step_of(secret, "287082", 59_000_000, 1) is None
    assert enrolment_uri("ana b", secret) == (
        "otpauth://totp/Keyturn:ana%20b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Keyturn"
        "&algorithm=SHA1&digits=6&period=30"
    )


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\udcff"])
def test_malformed_code_counts_as_a_wrong_one(ana: Staff, code: str) -> None:
    ana.turned_away("ana", code=code)


def test_every_refusal_reads_the_same(ana: Staff, env: TenantEnv) -> None:
    ana.hire("bia", "viewer", by="ana")
    env.clock.advance(60)
    ana.do("operator set", "ana", person="bia", active=False)
    said = {
        ana.turned_away("ana", "not the password"),
        ana.turned_away("ana", code="000000"),
        ana.turned_away("nobody"),
        ana.turned_away("bia"),
    }

    assert len(said) == 1
    refused = [json.loads(body) for kind, body in env.rows("SELECT kind, body FROM entry") if "refused" in kind]
    assert [entry["operator_id"] for entry in refused] == [ana.id("ana"), ana.id("ana"), None, None]


@pytest.mark.parametrize("name", ["ana", "nobody"])
def test_five_wrong_sign_ins_lock_for_a_quarter_of_an_hour(ana: Staff, env: TenantEnv, name: str) -> None:
    for _ in range(5):
        ana.turned_away(name, "not the password")
        env.clock.advance(60)
    entries = ana.kinds().count("operator.sign_in_refused")
    ana.turned_away(name)
    env.clock.advance(15 * 60 - 61)
    ana.turned_away(name)
    assert ana.kinds().count("operator.sign_in_refused") == entries == 5
    env.clock.advance(2)
    if name == "ana":
        ana.sign_in(name)
    else:
        ana.turned_away(name)
        assert ana.kinds().count("operator.sign_in_refused") == 6


def test_four_wrong_sign_ins_do_not_lock(ana: Staff, env: TenantEnv) -> None:
    for _ in range(4):
        ana.turned_away("ana", "not the password")
    ana.sign_in("ana")
    env.clock.advance(15 * 60)
    ana.turned_away("ana", "not the password")
    ana.sign_in("ana")


def test_right_sign_ins_never_lock(ana: Staff) -> None:
    for _ in range(6):
        ana.sign_in("ana")


def test_wrong_codes_count_as_wrong_passwords_do(ana: Staff) -> None:
    for _ in range(5):
        ana.turned_away("ana", code="000000")
    ana.turned_away("ana", code=ana.code("ana"))


def test_a_lock_holds_against_many_at_once(ana: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    matches = passwords.verify

    def watched(known: str, given: str) -> bool:
        judged.append(given)
        return matches(known, given)

    monkeypatch.setattr(passwords, "verify", watched)

    came = ana.all_at_once([Credentials("ana", f"wrong password {number}") for number in range(12)])

    assert all(isinstance(each, OperationError) for each in came)
    assert len(judged) == 5 * 3
    ana.turned_away("ana")


def test_a_lock_outlives_a_restart(ana: Staff, env: TenantEnv) -> None:
    for _ in range(5):
        ana.turned_away("ana", "not the password")
    env.wait(env.store.close())
    again = TenantEnv(env.data)
    try:
        Staff(again).turned_away("ana")
    finally:
        again.close()


def test_a_hash_of_other_parameters_is_made_anew_at_sign_in(ana: Staff, env: TenantEnv) -> None:
    weak = PasswordHasher(1, 8, 1).hash(PASSWORD)
    env.wait(env.store.write(lambda tx: tx.run("UPDATE operator SET password = :weak", weak=weak)))
    ana.sign_in("ana")

    ((known,),) = env.rows("SELECT password FROM operator")
    assert known != weak
    assert not passwords.needs_rehash(known)
    ana.sign_in("ana")


def test_the_work_for_nobody_is_that_for_somebody() -> None:
    assert not passwords.needs_rehash(passwords.DUMMY_HASH)


def test_secrets_of_an_operator_are_not_readable_at_rest(ana: Staff, env: TenantEnv) -> None:
    ana.sign_in("ana", code=ana.code("ana"))
    ana.turned_away("ana", "a password that is wrong")

    assert env.files_hold("ana@example.com")
    assert not env.files_hold(PASSWORD)
    assert not env.files_hold("a password that is wrong")
    assert not any(ana.secrets["ana"] in path.read_bytes() for path in env.data.rglob("*") if path.is_file())
    assert PASSWORD not in repr(Credentials("ana", PASSWORD, "123456"))


def test_a_second_factor_is_shown_once_and_replaced_only_with_the_one_before(ana: Staff, env: TenantEnv) -> None:
    assert ana.refused("operator enrol-totp") == "sign_in_required"
    assert ana.refused("operator enrol-totp", "ana", factor=False) == "sign_in_required"
    shown = ana.do("operator enrol-totp", "ana")

    assert shown["otpauth"].startswith("otpauth://totp/Keyturn:ana?secret=")
    assert "otpauth" not in json.dumps(env.do("operator show", person="ana"))
    assert shown["otpauth"].partition("secret=")[2][:32] not in str(env.rows("SELECT body FROM entry"))


def test_a_password_of_ones_own_needs_the_second_factor_one_has(ana: Staff) -> None:
    new: dict[str, Any] = {"person": "ana", "password": passwords.hash_password("another long phrase")}
    assert ana.refused("operator set-password", "ana", factor=False, **new) == "sign_in_required"

    assert ana.do("operator set-password", "ana", **new)["password_reset_by"] is None
    ana.sign_in("ana", "another long phrase")
    ana.turned_away("ana")


def test_an_operator_who_was_changed_meanwhile_is_not_believed(ana: Staff) -> None:
    believed = ana.operator("ana")
    stale = Operator(believed.id, believed.name, "viewer", None, second_factor=True)
    with pytest.raises(OperationError) as refusal:
        ana.act("company list", {}, stale)
    assert refusal.value.code == "sign_in_refused"
