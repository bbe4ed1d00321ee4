"""Who may approve what an application asks for."""

from typing import Any

import pytest

from keyturn.admin import conflicts, operators
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import HASH, NOTICE, WEEK, Staff

from .changing import staff as staff

ERP = "SELECT id FROM application WHERE name = 'erp'"


def why_not(staff: Staff, name: str, *, factor: bool = True) -> str | None:
    env, operator = staff.env, staff.operator(name, factor=factor)
    ((application_id,),) = env.rows(ERP)
    return env.wait(
        env.store.read(lambda tx: operators.approval_refusal(tx, operator, application_id, env.clock.now()))
    )


def test_approvers_of_what_an_application_asks_for(staff: Staff) -> None:
    staff.hire("vera", "viewer")
    staff.hire("paulo", "approver")
    staff.hire("frida", "approver", company="Frota")
    staff.hire("otto", "approver", company="Outra")
    staff.hire("ana", "admin")

    assert [why_not(staff, name) for name in ("paulo", "frida", "ana")] == [None, None, None]
    assert why_not(staff, "vera") == "The operator is not an active approver or admin."
    assert why_not(staff, "otto") == "There is no such application."
    assert why_not(staff, "paulo", factor=False) == "The operator signed in without a second factor."


def test_application_owner_does_not_approve_what_it_asks_for(staff: Staff, env: TenantEnv) -> None:
    staff.hire("paulo", "approver")
    env.do("application set", application="erp", responsible=["paulo"])
    assert why_not(staff, "paulo") == "The operator is responsible for the application."


def test_maker_of_an_application_does_not_approve_for_a_week(staff: Staff, env: TenantEnv) -> None:
    staff.hire("paulo", "approver")
    ((application_id,),) = env.rows(ERP)
    env.wait(
        env.store.write(lambda tx: conflicts.record_involvement(tx, application_id, staff_id(tx, "paulo"), "made"))
    )

    assert why_not(staff, "paulo") == "The operator made the application within the last seven days."
    env.clock.advance(WEEK)
    assert why_not(staff, "paulo") is None


def staff_id(tx: Any, name: str) -> str:
    return str(tx.one("SELECT id FROM operator WHERE name = :name", name=name)[0])


@pytest.mark.parametrize(
    ("reset_by", "reset", "reason"),
    [
        ("paulo", "rita", "The operator hired or reset the credentials of one responsible for the application"),
        ("rita", "paulo", "One responsible for the application, or close to it, hired the operator or reset"),
    ],
)
def test_resetter_of_a_password_does_not_approve_with_its_owner_for_a_week(
    staff: Staff, env: TenantEnv, reset_by: str, reset: str, reason: str
) -> None:
    for name in ("paulo", "rita", "pia"):
        staff.hire(name, "approver")
    env.do("application set", application="erp", responsible=["rita"])
    staff.do("operator set-password", reset_by, person=reset, password=HASH)

    assert str(why_not(staff, "paulo")).startswith(reason)
    assert why_not(staff, "pia") is None
    env.clock.advance(WEEK)
    assert why_not(staff, "paulo") is None


def erp(env: TenantEnv) -> str:
    ((application_id,),) = env.rows(ERP)
    return str(application_id)


@pytest.fixture
def trio(staff: Staff) -> Staff:
    """ana, bia and caio are in charge; paulo only approves."""
    staff.hire("paulo", "approver")
    staff.settle("ana", "bia", "caio")
    return staff


def approved(trio: Staff, operation: str, **arguments: Any) -> str:
    """The id of what ana proposed and bia approved, when it has taken effect."""
    change = trio.do(operation, "ana", **arguments)
    trio.do("change approve", "bia", change=change["change"])
    trio.wait(NOTICE)
    assert trio.state(change) == "applied"
    return str(change["change"])


def test_proposer_or_approver_of_grants_approves_nothing_of_the_application_for_a_week(
    trio: Staff, env: TenantEnv
) -> None:
    approved(trio, "application set", application="erp", grants=["location", "disable_ignition"])
    granted = "The operator proposed or approved what the application may do within the last seven days."
    assert [why_not(trio, name) for name in ("ana", "bia", "caio", "paulo")] == [granted, granted, None, None]
    env.clock.advance(WEEK)
    assert [why_not(trio, name) for name in ("ana", "bia")] == [None, None]


@pytest.mark.parametrize("flags", [{}, {"sign": True}])
def test_rotator_of_a_secret_approves_nothing_of_the_application_for_a_week(
    trio: Staff, env: TenantEnv, flags: dict[str, bool]
) -> None:
    change = approved(trio, "application rotate-secret", application="erp", **flags)
    assert why_not(trio, "ana") is None
    trio.do("change collect", "ana", change=change)
    rotated = "The operator rotated a secret of the application within the last seven days."
    assert [why_not(trio, name) for name in ("ana", "bia", "caio")] == [rotated, None, None]
    env.clock.advance(WEEK)
    assert why_not(trio, "ana") is None


def test_adder_of_an_application_for_reading_approves_nothing_of_it_for_a_week(trio: Staff, env: TenantEnv) -> None:
    application_id = erp(env)
    trio.do("application add", "caio", company="Frota", name="shadow", grants=["location"])
    env.wait(
        env.store.write(lambda tx: tx.run("UPDATE application SET name = 'old' WHERE id = :id", id=application_id))
    )
    env.wait(env.store.write(lambda tx: tx.run("UPDATE application SET name = 'erp' WHERE name = 'shadow'")))
    assert why_not(trio, "caio") == "The operator made the application within the last seven days."
    assert why_not(trio, "ana") is None


def test_whom_one_of_them_hired_is_no_second_person_either(trio: Staff, env: TenantEnv) -> None:
    """Who rotated the secret hires a puppet: the puppet approves nothing of it."""
    change = approved(trio, "operator add", name="puppet", email="p@b.c", role="approver")
    trio.do("change collect", "ana", change=change)
    assert why_not(trio, "puppet") is None
    trio.do("change collect", "ana", change=approved(trio, "application rotate-secret", application="erp"))
    assert str(why_not(trio, "puppet")).startswith("One responsible for the application, or close to it, hired")
    env.clock.advance(WEEK)
    assert why_not(trio, "puppet") is None


def test_what_was_made_from_the_shell_was_made_by_nobody(staff: Staff) -> None:
    """So everybody who was hired from there may approve it."""
    staff.hire("paulo", "approver")
    staff.env.do("application rotate-secret", application="erp")
    assert why_not(staff, "paulo") is None


def test_operator_approves_neither_own_requests_nor_those_of_somebody_close(trio: Staff, env: TenantEnv) -> None:
    """Commands may be asked for by operators, too."""
    change = approved(trio, "operator add", name="nina", email="n@b.c", role="approver")
    trio.do("change collect", "ana", change=change)

    def asked_by(asker: str, approver: str) -> str | None:
        operator, actor = trio.operator(approver), trio.id(asker)
        return env.wait(env.store.read(lambda tx: operators.approval_refusal(tx, operator, actor, env.clock.now())))

    assert asked_by("ana", "ana") == "Nobody approves what they asked for themselves."
    assert asked_by("nina", "ana") == "The operator hired whoever asked within the last seven days."
    assert str(asked_by("ana", "nina")).startswith("Whoever asked hired the operator")
    assert asked_by("ana", "bia") is None
