"""Who may approve what an application asks for."""

from typing import Any

import pytest

from keyturn.tenants import closeness, operators

from .conftest import Office
from .staff import HASH, WEEK, Staff


@pytest.fixture
def staff(office: Office) -> Staff:
    office.do("company add", name="Frota")
    office.do("company add", name="Outra")
    office.do("application add", company="Frota", name="erp", grants=["location"])
    office.do("plan add", name="basic", commands=["location"])
    return Staff(office)


ERP = "SELECT id FROM application WHERE name = 'erp'"


def why_not(staff: Staff, name: str, *, factor: bool = True) -> str | None:
    office, operator = staff.office, staff.operator(name, factor=factor)
    ((application_id,),) = office.rows(ERP)
    return office.wait(
        office.store.read(lambda tx: operators.may_approve(tx, operator, application_id, office.clock.now()))
    )


def test_who_may_approve_what_an_application_asks_for(staff: Staff) -> None:
    staff.hire("vera", "viewer")
    staff.hire("paulo", "approver")
    staff.hire("frida", "approver", company="Frota")
    staff.hire("otto", "approver", company="Outra")
    staff.hire("ana", "admin")

    assert [why_not(staff, name) for name in ("paulo", "frida", "ana")] == [None, None, None]
    assert why_not(staff, "vera") == "The operator is not an active approver or admin."
    assert why_not(staff, "otto") == "There is no such application."
    assert why_not(staff, "paulo", factor=False) == "The operator signed in without a second factor."


def test_who_answers_for_an_application_does_not_approve_what_it_asks_for(staff: Staff, office: Office) -> None:
    staff.hire("paulo", "approver")
    office.do("application set", application="erp", responsible=["paulo"])
    assert why_not(staff, "paulo") == "The operator is responsible for the application."


def test_who_made_an_application_does_not_approve_for_a_week(staff: Staff, office: Office) -> None:
    staff.hire("paulo", "approver")
    ((application_id,),) = office.rows(ERP)
    office.wait(office.store.write(lambda tx: closeness.keep(tx, application_id, staff_id(tx, "paulo"), "made")))

    assert why_not(staff, "paulo") == "The operator made the application within the last seven days."
    office.clock.move(WEEK)
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
def test_who_reset_a_password_does_not_approve_with_its_owner_for_a_week(
    staff: Staff, office: Office, reset_by: str, reset: str, reason: str
) -> None:
    for name in ("paulo", "rita", "pia"):
        staff.hire(name, "approver")
    office.do("application set", application="erp", responsible=["rita"])
    staff.do("operator set-password", reset_by, person=reset, password=HASH)

    assert str(why_not(staff, "paulo")).startswith(reason)
    assert why_not(staff, "pia") is None
    office.clock.move(WEEK)
    assert why_not(staff, "paulo") is None
