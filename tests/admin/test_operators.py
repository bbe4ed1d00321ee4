"""Operators: who they are, and what is in their reach."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from keyturn.admin.guards import at_once
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.auth import passwords
from keyturn.auth.principal import Operator
from keyturn.errors import OperationError
from keyturn.operations import perform, preprocess
from keyturn.store.port import Tx
from tests.support.tenant_env import INSTALLATION, TenantEnv
from tests.tenants.staff import Staff


def test_an_operator_is_added_shown_and_listed_without_secrets(env: TenantEnv, staff: Staff) -> None:
    env.do("company add", name="Frota")
    added = staff.hire("ana", "viewer", company="Frota", grants=["start"])

    assert (added["name"], added["role"], added["company"], added["grants"]) == ("ana", "viewer", "Frota", ["start"])
    assert (added["active"], added["second_factor"], added["created_by"]) == (True, False, "local")
    assert (added["password_reset_by"], added["password_reset_at"]) == (None, None)
    assert env.do("operator list") == {"operators": [added]}
    assert "argon2" not in json.dumps(env.do("operator list"))


def test_an_operator_is_changed(env: TenantEnv, staff: Staff) -> None:
    staff.hire("ana", "viewer")
    changed = env.do("operator set", person="ana", name="anna", email="a@b.c", grants=["start"], active=False)

    assert (changed["name"], changed["email"], changed["grants"]) == ("anna", "a@b.c", ["start"])
    assert changed["active"] is False
    assert env.do("operator show", person="anna") == changed


@pytest.mark.parametrize("email", ["", "ana", "ana@", "@example.com", "a na@example.com", "ana@example.com\n"])
def test_an_address_to_which_nothing_can_be_sent_is_refused(staff: Staff, email: str) -> None:
    assert staff.refused("operator add", name="x", email=email, role="viewer", password="h") == "invalid_email"


def test_a_name_is_an_operators_own(env: TenantEnv, staff: Staff) -> None:
    staff.hire("ana", "viewer")
    staff.hire("bia", "viewer")

    assert env.refused("operator set", person="bia", name="ana").code == "name_taken"
    add = {"name": "ana", "email": "a@b.c", "role": "viewer", "password": "h"}
    assert env.refused("operator add", **add).code == "name_taken"


@pytest.mark.parametrize("password", ["elevenchars", "x" * 1025, "my name is ANA!"])
@pytest.mark.parametrize(
    ("operation", "others"),
    [("operator add", {"name": "ana"}), ("operator set-password", {"person": "ana"})],
)
def test_a_weak_password_is_refused(operation: str, others: dict[str, str], password: str) -> None:
    with pytest.raises(OperationError) as refusal:
        preprocess(operation, {**others, "password": password})
    assert refusal.value.code == "weak_password"
    assert password not in str(refusal.value)


@pytest.mark.parametrize("password", ["twelve chars", "            ", "pass phrase 1", "ünïcödé phrase"])
def test_no_composition_is_asked_of_a_password(password: str) -> None:
    _, arguments = preprocess("operator add", {"name": "ana", "password": password})

    assert passwords.verify(arguments["password"], password)
    assert not passwords.verify(arguments["password"], password + "!")
    assert not passwords.needs_rehash(arguments["password"])


def test_a_password_is_judged_by_the_name_and_not_by_an_id(staff: Staff) -> None:
    staff.hire("ana", "viewer")
    assert staff.refused("operator set-password", person=staff.id("ana"), password="h") == "name_required"


@pytest.fixture
def companies(env: TenantEnv, enrol: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A vehicle of each of two companies, and an application of the second."""
    vehicles = {company: enrol(company, f"9KTPARKED0000000{index}") for index, company in enumerate(("Frota", "Outra"))}
    env.do("application add", company="Outra", name="theirs")
    return vehicles


def test_an_operator_of_a_company_sees_that_company_alone(
    staff: Staff, companies: dict[str, Any], env: TenantEnv
) -> None:
    staff.hire("ana", "admin", company="Frota")
    theirs = companies["Outra"]

    for reference in (theirs["id"], theirs["vin"], "nothing"):
        assert staff.refused("vehicle show", "ana", vehicle=reference) == "not_found"
    assert staff.refused("vehicle list", "ana", company="Outra") == "not_found"
    assert staff.refused("vehicle list", "ana", company="nothing") == "not_found"
    assert staff.refused("application set", "ana", application="theirs", active=False) == "not_found"
    assert staff.refused("company set", "ana", company="Outra", name="Minha") == "not_found"
    assert staff.refused("company add", "ana", name="Nova") == "unknown_operation"
    assert staff.refused("plan set", "ana", plan="full", name="x") == "unknown_operation"
    assert staff.do("application list", "ana") == {"applications": []}
    assert staff.do("vehicle show", "ana", vehicle=companies["Frota"]["id"])["company"] == "Frota"
    assert [plan["name"] for plan in staff.do("plan list", "ana")["plans"]] == ["full"]
    assert staff.do("vehicle set", "ana", vehicle=companies["Frota"]["vin"], fuel_reserve=5.0)["fuel_reserve"] == 5.0


def test_what_is_anothers_reads_as_what_is_not_there(staff: Staff, companies: dict[str, Any]) -> None:
    staff.hire("ana", "admin", company="Frota")

    def said(vehicle: str) -> str:
        with pytest.raises(OperationError) as refusal:
            staff.do("vehicle show", "ana", vehicle=vehicle)
        return str(refusal.value).replace(vehicle, "it")

    assert said(companies["Outra"]["vin"]) == said("9KTNOTHING0000000")


def test_a_viewer_only_looks(staff: Staff, companies: dict[str, Any]) -> None:
    staff.hire("vera", "viewer")

    assert staff.refused("company add", "vera", name="Nova") == "role_required"
    assert staff.refused("operator set", "vera", person="vera", role="admin") == "role_required"
    assert staff.refused("application rotate-secret", "vera", application="theirs") == "role_required"
    assert len(staff.do("company list", "vera")["companies"]) == 2


def test_an_application_names_who_answers_for_it(staff: Staff, companies: dict[str, Any], env: TenantEnv) -> None:
    staff.hire("ana", "viewer", company="Outra")
    staff.hire("eva", "viewer")
    staff.hire("rui", "viewer", company="Frota")

    named = env.do("application set", application="theirs", responsible=["ana", "eva"])
    assert (named["responsible"], named["created_by"]) == (["ana", "eva"], "local")
    assert env.refused("application set", application="theirs", responsible=["rui"]).code == "not_found"
    assert env.do("application show", application="theirs")["responsible"] == ["ana", "eva"]
    assert env.do("application set", application="theirs", responsible=[])["responsible"] == []


def test_a_name_that_two_in_reach_have_is_none_to_answer_by(staff: Staff, companies: dict[str, Any]) -> None:
    """A namesake in a company is not taken for the one whom everybody knows."""
    env, known = staff.env, staff.hire("eva", "viewer")
    namesake = staff.hire("eva", "viewer", company="Outra")
    named = {"application": "theirs", "company": "Outra"}
    assert env.refused("application set", **named, responsible=["eva"]).code == "ambiguous"
    for each in (known, namesake):
        assert env.do("application set", **named, responsible=[each["id"]])["responsible"] == ["eva"]


def test_an_operation_may_need_somebody_with_a_second_factor(ana: Staff, env: TenantEnv) -> None:
    def tell(session: Session, _arguments: Arguments) -> Answer:
        return {"by": session.actor}

    delicate = (Operation("thing do", Arguments, tell, signed_in=True, guard=at_once("Little.", "It is a test.")),)

    def done(operator: Operator | None) -> Answer:
        work = partial(_perform, env=env, operations=delicate, operator=operator)
        return env.wait(env.store.write(work))

    for operator in (None, ana.operator("ana", factor=False)):
        with pytest.raises(OperationError) as refusal:
            done(operator)
        assert refusal.value.code == "sign_in_required"
    assert done(ana.operator("ana")) == {"by": f"operator:{ana.id('ana')}"}


def _perform(tx: Tx, env: TenantEnv, operations: tuple[Operation, ...], operator: Operator | None) -> Answer:
    return perform(tx, env.keyring, INSTALLATION, "thing do", {}, "operator:local", operations, operator)
