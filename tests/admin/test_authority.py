"""What is judged of a signed-in operator before anything is done: role, reach, and whose the named things are."""

from collections.abc import Callable
from typing import Any

import pytest

from keyturn.admin import authorization, operators
from keyturn.admin.operation import Arguments
from keyturn.auth.principal import Operator
from keyturn.errors import OperationError
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import WEEK, Staff

ROLE_ADMIN = "This needs an operator with the role 'admin'."


class About(Arguments, frozen=True):
    """Arguments that may name anything."""

    company: str | None = None
    application: str | None = None
    account: str | None = None
    vehicle: str | None = None
    person: str | None = None


def operator(role: Any = "admin", company: str | None = None) -> Operator:
    return Operator("o", "ana", role, company, second_factor=True)


@pytest.fixture
def company_id(env: TenantEnv, enrol: Callable[..., dict[str, Any]]) -> str:
    """Of Frota, which has one of everything; so has Outra."""
    for company, number in (("Outra", 1), ("Frota", 2)):
        enrol(company, f"9KTPARKED0000000{number}")
        env.do("application add", company=company, name=f"app of {company}")
        Staff(env).hire(f"{company.lower()}-person", "viewer", company=company)
    return str(env.do("company show", company="Frota")["id"])


@pytest.mark.parametrize(
    "named",
    [
        {"company": "Frota"},
        {"application": "app of Frota"},
        {"vehicle": "9KTPARKED00000002"},
        {"person": "frota-person"},
    ],
    ids=str,
)
def test_the_company_of_what_is_named_is_the_one_whose_admins_decide(
    env: TenantEnv, company_id: str, named: dict[str, str]
) -> None:
    assert env.wait(env.store.read(lambda tx: authorization.company_of(tx, About(**named)))) == company_id


def test_the_account_that_is_named_is_its_companys(env: TenantEnv, company_id: str) -> None:
    ((account,),) = env.rows(f"SELECT id FROM oem_account WHERE company_id = '{company_id}'")

    assert env.wait(env.store.read(lambda tx: authorization.company_of(tx, About(account=account)))) == company_id


def test_what_names_nothing_of_a_company_is_the_installations(env: TenantEnv, company_id: str) -> None:
    Staff(env).hire("ana")

    for named in (About(), About(person="ana")):
        assert env.wait(env.store.read(lambda tx, named=named: authorization.company_of(tx, named))) is None  # type: ignore[misc]


def test_a_company_that_is_anothers_reads_as_none(env: TenantEnv, company_id: str) -> None:
    staff = Staff(env)
    staff.hire("ana", "admin", company="Frota")

    with pytest.raises(OperationError) as refusal:
        staff.do("vehicle list", "ana", company="Outra")

    assert (refusal.value.code, str(refusal.value)) == ("not_found", "There is no company 'Outra'.")
    for own in ("Frota", company_id):
        assert [vehicle["vin"] for vehicle in staff.do("vehicle list", "ana", company=own)["vehicles"]] == [
            "9KTPARKED00000002"
        ]


def test_relaxing_a_safeguard_needs_an_admin_and_says_so(env: TenantEnv, company_id: str) -> None:
    staff = Staff(env)
    staff.hire("paulo", "approver")
    staff.settle("ana")

    with pytest.raises(OperationError) as refusal:
        staff.do("application set", "paulo", application="app of Frota", grants=["location"])

    assert (refusal.value.code, str(refusal.value)) == ("role_required", ROLE_ADMIN)


def test_former_admin_counts_for_a_week(env: TenantEnv, company_id: str) -> None:
    staff = Staff(env)
    staff.settle("ana", "bia")
    staff.hire("otto", by="ana", company="Outra")
    staff.do("operator set", "ana", person="bia", role="viewer")

    def in_charge(of: str | None) -> set[str]:
        now = env.clock.now()
        return set(env.wait(env.store.read(lambda tx: operators.admins(tx, of, now))))

    both = {staff.id("ana"), staff.id("bia")}
    assert (in_charge(company_id), in_charge(None)) == (both, both)
    env.clock.advance(WEEK - 1)
    assert in_charge(None) == both
    env.clock.advance(1)
    assert in_charge(None) == {staff.id("ana")}


def test_signed_in_operator_is_known_by_name_role_and_company(env: TenantEnv, company_id: str) -> None:
    staff = Staff(env)
    staff.hire("ana", "approver", company="Frota")

    for factor in (True, False):
        known = staff.operator("ana", factor=factor)
        assert known == Operator(staff.id("ana"), "ana", "approver", company_id, second_factor=factor)
