"""Who may approve or stop a change, and the tricks that do not help."""

import json
from typing import Any

import pytest

from keyturn.errors import OperationError
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import DAY, HASH, NOTICE, WEEK, Staff

from .changing import staff as staff
from .changing import two as two


def test_insider_who_relaxes_a_safeguard_alone_is_stopped_by_the_other_admin(two: Staff, env: TenantEnv) -> None:
    change = two.do("plan set", "ana", plan="basic", commands=["start"])
    assert two.refused("change approve", "ana", change=change["change"]) == "own_change"
    two.wait(NOTICE * 2)
    assert two.state(change) == "waiting"

    two.do("change withdraw", "bia", factor=False, change=change["change"])
    assert two.refused("change approve", "bia", change=change["change"]) == "not_waiting"
    two.wait(DAY)
    assert two.state(change) == "withdrawn"
    assert env.do("plan show", plan="basic")["commands"] == ["location"]
    assert two.kinds()[-2:] == ["change.proposed", "change.withdrawn"]


def test_an_approved_change_can_still_be_withdrawn_until_it_takes_effect(two: Staff, env: TenantEnv) -> None:
    change = two.do("plan set", "ana", plan="basic", commands=["start"])
    approved = two.do("change approve", "bia", change=change["change"])
    assert (approved["state"], approved["needs"]) == ("pending", None)
    two.wait(NOTICE - 1)
    two.do("change withdraw", "ana", change=change["change"])
    two.wait(1)

    assert env.do("plan show", plan="basic")["commands"] == ["location"]
    assert two.refused("change withdraw", "ana", change=change["change"]) == "not_open"


def test_a_change_that_nobody_approves_lapses_after_a_day(two: Staff, env: TenantEnv) -> None:
    change = two.do("plan set", "ana", plan="basic", commands=["start"])
    env.clock.advance(DAY - 1)
    two.wait(0)
    assert two.state(change) == "waiting"
    env.clock.advance(1)
    with pytest.raises(OperationError, match=r"^The change does not wait for an approval\.$") as refusal:
        two.do("change approve", "bia", change=change["change"])
    assert refusal.value.code == "not_waiting"
    two.wait(0)
    assert (two.state(change), two.kinds()[-1]) == ("lapsed", "change.expired")


def test_an_approval_needs_a_second_factor_and_an_admin(two: Staff) -> None:
    two.hire("vera", "viewer", by="ana")
    change = two.do("plan set", "ana", plan="basic", commands=["start"])["change"]

    assert two.refused("change approve", change=change) == "sign_in_required"
    assert two.refused("change approve", "bia", factor=False, change=change) == "sign_in_required"
    assert two.refused("change approve", "vera", change=change) == "role_required"
    assert two.refused("change withdraw", "vera", change=change) == "role_required"
    assert two.do("change approve", "bia", change=change)["state"] == "pending"


@pytest.fixture
def three(two: Staff) -> Staff:
    """With a third admin, caio, who is close to nobody any more."""
    waiting = two.hire("caio", by="ana")
    two.do("change approve", "bia", change=waiting["change"])
    two.wait(NOTICE)
    two.wait(WEEK)
    return two


@pytest.mark.parametrize("reset", ["operator set-password", "operator reset-totp"])
@pytest.mark.parametrize(("proposer", "approver"), [("ana", "bia"), ("bia", "ana")])
def test_resetter_of_credentials_decides_nothing_together_with_their_owner(
    three: Staff, reset: str, proposer: str, approver: str
) -> None:
    code_for(three, reset)
    assert three.do("operator show", person="bia")["password_reset_by"] == three.id("ana")
    change = three.do("plan set", proposer, plan="basic", commands=["start"])["change"]

    assert three.refused("change approve", approver, change=change) == "not_independent"
    assert three.do("change approve", "caio", change=change)["state"] == "pending"
    three.wait(WEEK)
    again = three.do("plan set", proposer, plan="basic", commands=["start", "location"])
    assert three.do("change approve", approver, change=again["change"])["state"] == "pending"


def code_for(three: Staff, reset: str) -> str:
    """Ana has the code by which bia's password, or second factor, is made anew."""
    waiting = three.do(reset, "ana", person="bia")
    three.do("change approve", "caio", change=waiting["change"])
    three.wait(NOTICE)
    return str(three.do("change collect", "ana", change=waiting["change"])["code"])


def test_a_password_that_its_owner_replaces_does_not_hide_the_reset(three: Staff) -> None:
    code_for(three, "operator set-password")
    three.do("operator set-password", "bia", person="bia", password=HASH)
    change = three.do("plan set", "ana", plan="basic", commands=["start"])["change"]

    assert three.refused("change approve", "bia", change=change) == "not_independent"


def test_removing_the_second_person_does_not_let_the_first_decide_alone(two: Staff) -> None:
    two.do("operator set", "ana", person="bia", active=False)
    change = two.do("plan set", "ana", plan="basic", commands=["start"])
    assert change["needs"] == "approval"

    two.wait(WEEK)
    assert two.do("plan set", "ana", plan="basic", commands=["start"])["state"] == "pending"


def test_the_last_admin_in_charge_stays(two: Staff) -> None:
    two.do("operator set", "ana", person="bia", role="viewer")

    assert two.refused("operator set", "ana", person="ana", active=False) == "last_admin"
    assert two.refused("operator set", "ana", person="ana", role="approver") == "last_admin"
    assert two.do("operator set", "ana", person="ana", name="anna")["name"] == "anna"


@pytest.mark.parametrize("how", [{"active": False}, {"role": "approver"}])
@pytest.mark.parametrize("gone", ["ana", "bia"])
def test_a_change_is_not_made_when_one_who_wanted_it_is_in_charge_no_more(
    three: Staff, env: TenantEnv, gone: str, how: dict[str, Any]
) -> None:
    change = three.do("plan set", "ana", plan="basic", commands=["start"])
    three.do("change approve", "bia", change=change["change"])
    three.do("operator set", "caio", person=gone, **how)
    three.wait(NOTICE)

    assert three.state(change) == "failed"
    assert env.do("plan show", plan="basic")["commands"] == ["location"]


def test_an_admin_of_a_company_decides_on_that_company_alone(staff: Staff, env: TenantEnv) -> None:
    staff.hire("frida", company="Frota")
    assert "change" not in staff.do("application add", company="Outra", name="theirs", grants=["start"])
    waiting = staff.do("application set", "frida", application="erp", grants=["start"])
    assert waiting["state"] == "pending"
    staff.wait(NOTICE)
    staff.hire("otto", company="Outra")
    staff.hire("ana")
    staff.wait(WEEK)
    theirs = staff.do("application set", "otto", application="theirs", grants=["start", "location"])

    assert theirs["needs"] == "approval"
    assert staff.refused("change show", "frida", change=theirs["change"]) == "not_found"
    assert staff.refused("change approve", "frida", change=theirs["change"]) == "not_found"
    assert staff.refused("change withdraw", "frida", change=theirs["change"]) == "not_found"
    assert theirs["change"] not in json.dumps(staff.do("change list", "frida"))
    assert staff.do("change approve", "ana", change=theirs["change"])["state"] == "pending"


def test_an_admin_of_a_company_makes_operators_of_that_company_alone(staff: Staff, env: TenantEnv) -> None:
    staff.hire("frida", company="Frota")
    staff.hire("gil", by="frida")
    staff.wait(NOTICE)

    assert env.do("operator show", person="gil")["company"] == "Frota"
    new: dict[str, Any] = {"name": "new", "email": "n@b.c", "role": "viewer"}
    assert staff.refused("operator add", "frida", company="Outra", **new) == "not_found"
