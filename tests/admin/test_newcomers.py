"""Newcomers choose their own password by a one-time code, and are no second person for whoever hired them."""

from typing import Any

import pytest

from keyturn.errors import OperationError
from keyturn.operations import preprocess
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import DAY, NOTICE, PASSWORD, WEEK, Staff

from .changing import staff as staff
from .changing import two as two


def hired(two: Staff, name: str = "nina", role: str = "admin") -> str:
    """The code that ana is to hand over."""
    waiting = two.hire(name, role, by="ana")
    two.do("change approve", "bia", change=waiting["change"])
    two.wait(NOTICE)
    return str(two.do("change collect", "ana", change=waiting["change"])["code"])


def accepted(staff: Staff, name: str, code: str, **more: Any) -> dict[str, Any]:
    operation, arguments = preprocess("operator accept", {"person": name, "code": code, "password": PASSWORD, **more})
    return staff.do(operation, **arguments)


def refused(staff: Staff, name: str, code: str) -> str:
    with pytest.raises(OperationError) as refusal:
        accepted(staff, name, code)
    assert refusal.value.code == "code_refused"
    return str(refusal.value)


def test_a_newcomer_sets_the_first_password_and_enrols_the_second_factor(two: Staff, env: TenantEnv) -> None:
    code = hired(two)
    two.turned_away("nina")
    accepted(two, "nina", code)

    assert two.sign_in("nina").second_factor is False
    two.enrol("nina")
    assert two.sign_in("nina", code=two.code("nina")).second_factor
    assert not env.files_hold(code)


def test_admin_cannot_choose_anothers_password_once_somebody_is_in_charge(two: Staff) -> None:
    new: dict[str, Any] = {"name": "nina", "email": "n@b.c", "role": "viewer", "password": "hash"}
    assert two.refused("operator add", "ana", **new) == "code_instead"
    assert two.refused("operator set-password", "ana", person="bia", password="hash") == "code_instead"


def test_before_anybody_is_in_charge_the_password_is_asked_for(staff: Staff) -> None:
    staff.with_password("ana", "viewer")
    staff.sign_in("ana")
    _, new = preprocess("operator set-password", {"person": "ana", "password": "another long phrase"})
    staff.do("operator set-password", **new)
    staff.sign_in("ana", "another long phrase")


def test_a_code_is_good_once_for_its_operator_and_for_a_day(two: Staff, env: TenantEnv) -> None:
    code = hired(two)
    said = {refused(two, "bia", code), refused(two, "nina", "wrong"), refused(two, "nobody", code)}
    accepted(two, "nina", code)
    said.add(refused(two, "nina", code))
    late = hired(two, "nora")
    env.clock.advance(DAY)
    said.add(refused(two, "nora", late))
    assert len(said) == 1


def test_a_newer_code_replaces_the_one_before(two: Staff) -> None:
    first = hired(two)
    change = two.do("operator set-password", "ana", person="nina")
    two.do("change approve", "bia", change=change["change"])
    two.wait(NOTICE)
    second = two.do("change collect", "ana", change=change["change"])["code"]
    refused(two, "nina", first)
    accepted(two, "nina", second)


def test_a_weak_password_does_not_use_up_the_code(two: Staff) -> None:
    code = hired(two)
    with pytest.raises(OperationError, match="operator's name"):
        preprocess("operator accept", {"person": "nina", "code": code, "password": "i am nina myself"})
    accepted(two, "nina", code)


@pytest.mark.parametrize(("proposer", "approver"), [("ana", "nina"), ("nina", "ana")])
def test_hirer_decides_nothing_together_with_the_newcomer_for_a_week(two: Staff, proposer: str, approver: str) -> None:
    """Whoever holds the code may have used it."""
    accepted(two, "nina", hired(two))
    change = two.do("plan set", proposer, plan="basic", commands=["start"])
    assert two.refused("change approve", approver, change=change["change"]) == "not_independent"
    assert two.do("change approve", "bia", change=change["change"])["state"] == "pending"
    two.wait(WEEK)
    again = two.do("plan set", proposer, plan="basic", commands=["location", "start"])
    assert two.do("change approve", approver, change=again["change"])["state"] == "pending"


def test_the_week_begins_when_the_code_is_used(two: Staff, env: TenantEnv) -> None:
    code = hired(two)
    env.clock.advance(DAY - 60)
    accepted(two, "nina", code)
    env.clock.advance(WEEK - 60)
    change = two.do("plan set", "ana", plan="basic", commands=["start"])
    assert two.refused("change approve", "nina", change=change["change"]) == "not_independent"


def test_a_code_for_a_second_factor_replaces_the_one_that_was_lost(two: Staff, env: TenantEnv) -> None:
    """The old one is good until then; the password alone is not enough to replace it."""
    accepted(two, "nina", hired(two))
    two.enrol("nina")
    change = two.do("operator reset-totp", "ana", person="nina")
    two.do("change approve", "bia", change=change["change"])
    two.wait(NOTICE)
    code = two.do("change collect", "ana", change=change["change"])["code"]

    assert two.refused("operator enrol-totp", "nina", factor=False) == "sign_in_required"
    assert two.refused("operator enrol-totp", "nina", factor=False, code="wrong") == "code_refused"
    assert two.sign_in("nina", code=two.code("nina")).second_factor
    assert two.do("operator enrol-totp", "nina", factor=False, with_code=True, code=code)["otpauth"]
    assert two.refused("operator enrol-totp", "nina", factor=False, code=code) == "code_refused"
    assert two.do("operator show", person="nina")["password_reset_by"] == two.id("ana")


def test_a_viewer_is_hired_at_once_and_the_code_is_shown_at_once(two: Staff) -> None:
    told = two.hire("vera", "viewer", by="ana")
    accepted(two, "vera", told["code"])
    assert two.sign_in("vera").role == "viewer"
