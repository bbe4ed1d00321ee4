"""Only companies have admins: an operator of the installation hired from the shell decides nothing for a week."""

import json
from typing import Any

import pytest

from keyturn.admin import operators
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import HASH, NOTICE, WEEK, Staff

from .changing import staff as staff


@pytest.fixture
def two_in_charge(staff: Staff) -> Staff:
    """Ana and Ines, of Frota alone; ivo looks on, for the whole installation."""
    staff.hire("ivo", "viewer")
    staff.settle("ana", "ines", company="Frota")
    staff.wait(WEEK)
    return staff


def may_approve(staff: Staff, env: TenantEnv, name: str, application: str = "erp") -> bool:
    ((actor,),) = env.rows(f"SELECT id FROM application WHERE name = '{application}'")
    person, now = staff.operator(name), env.clock.now()
    return env.wait(env.store.read(lambda tx: operators.approval_refusal(tx, person, actor, now))) is None


def told(env: TenantEnv) -> list[str]:
    """Whose admins were told, by company."""
    return [
        name
        for (name,) in env.rows(
            "SELECT c.name FROM entry e JOIN company c ON c.id = e.company_id WHERE kind = 'operator.unwatched'"
        )
    ]


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("operator add", {"name": "nina", "email": "n@b.c", "role": "approver", "password": HASH}),
        ("operator set", {"person": "nina", "role": "approver"}),
        ("operator set-password", {"person": "nina", "password": HASH}),
        ("operator set-password", {"person": "nina"}),
        ("operator reset-totp", {"person": "nina"}),
    ],
)
def test_operator_with_power_from_the_shell_approves_nothing_for_a_week(
    staff: Staff, env: TenantEnv, operation: str, arguments: dict[str, Any]
) -> None:
    if operation != "operator add":
        staff.hire("nina", "viewer" if operation == "operator set" else "approver")
    staff.settle("ana", "ines", company="Frota")
    staff.wait(WEEK)
    assert told(env) == []
    staff.do(operation, **arguments)

    assert told(env) == ["Frota"]
    assert not may_approve(staff, env, "nina")
    staff.wait(WEEK + 1)
    assert may_approve(staff, env, "nina")


def test_the_week_begins_anew_when_the_code_is_used(staff: Staff, env: TenantEnv) -> None:
    staff.hire("nina", "approver")
    staff.settle("ana", "ines", company="Frota")
    staff.wait(WEEK)
    code = staff.do("operator set-password", person="nina")["code"]
    staff.wait(80_000.0)
    staff.do("operator accept", person="nina", code=code, password=HASH)
    staff.wait(WEEK - 80_000.0 + 1)

    assert told(env) == ["Frota", "Frota"]
    assert not may_approve(staff, env, "nina")


def test_a_puppet_is_no_second_admin_and_changes_nothing(two_in_charge: Staff) -> None:
    staff = two_in_charge
    staff.do("operator add", name="nina", email="n@b.c", role="admin", password=HASH)
    change = staff.do("application set", "ines", application="erp", company="Frota", grants=["start"])

    assert change["needs"] == "approval"
    assert staff.refused("change approve", "nina", change=change["change"]) == "not_independent"
    assert staff.refused("application set", "nina", application="erp", company="Frota", grants=["start"]) == (
        "not_independent"
    )
    assert staff.refused("company add", "nina", name="Terceira") == "not_independent"


def test_lone_admin_stays_alone_beside_a_puppet(staff: Staff) -> None:
    staff.settle("ana", company="Frota")
    staff.do("operator add", name="nina", email="n@b.c", role="admin", password=HASH)
    change = staff.do("application set", "ana", application="erp", company="Frota", grants=["start"])
    assert change["state"] == "pending"


def test_what_reaches_into_companies_waits_for_an_admin_of_the_installation(two_in_charge: Staff) -> None:
    staff = two_in_charge
    staff.env.do("plan add", name="small", commands=["location"])
    more: dict[str, Any] = {"plan": "small", "commands": ["location", "disable_ignition"]}
    assert staff.refused("plan set", **more) == "installation_admin_needed"
    assert staff.refused("switch throw", reach="restoring", reason="theft") == "installation_admin_needed"

    staff.hire("nina")
    staff.wait(WEEK + 1)
    assert staff.do("plan set", "nina", **more)["state"] == "pending"
    staff.wait(NOTICE)
    assert "disable_ignition" in json.dumps(staff.do("plan show", plan="small"))


def test_hiring_at_set_up_is_not_kept_as_power_from_the_shell(staff: Staff, env: TenantEnv) -> None:
    staff.hire("nina", "approver")
    staff.hire("ana")
    assert told(env) == []
    assert may_approve(staff, env, "nina")
