"""What a change names: the same thing when it takes effect as when it was proposed, whatever it is called by then."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from keyturn.admin.guards import guarded
from keyturn.admin.operation import Arguments, Operation
from keyturn.operations import OPERATIONS, perform
from tests.support.tenant_env import INSTALLATION, TenantEnv
from tests.tenants.staff import NOTICE, Staff

from .changing import staff as staff
from .changing import two as two

GRANTS: dict[str, Any] = {"application": "erp", "grants": ["location", "start"]}


def approved(two: Staff, name: str, /, **arguments: Any) -> dict[str, Any]:
    change = two.do(name, "ana", **arguments)
    return two.do("change approve", "bia", change=change["change"])


@pytest.fixture
def carla(two: Staff) -> Staff:
    two.hire("carla", "viewer", by="ana")
    return two


def test_a_change_shows_id_and_name_of_what_it_is_about(two: Staff, env: TenantEnv) -> None:
    application = env.do("application show", application="erp")
    change = two.do("application set", "ana", **GRANTS, company="Frota")

    assert change["arguments"]["application"] == application["id"]
    assert change["arguments"]["company"] == application["company_id"]
    (named,) = change["named"]["application"]
    assert (named["id"], named["name"], named["company_id"]) == (application["id"], "erp", application["company_id"])
    assert change["named"]["company"][0]["name"] == "Frota"


def test_a_change_about_nothing_is_refused_when_it_is_proposed(two: Staff) -> None:
    assert two.refused("application set", "ana", application="nobody", grants=["start"]) == "not_found"
    assert two.refused("operator set", "ana", person="nobody", role="admin") == "not_found"


def test_operator_who_takes_over_the_name_gets_nothing(carla: Staff, env: TenantEnv) -> None:
    """The old attack: rename within the notice, and give a puppet the name."""
    change = approved(carla, "operator set", person="carla", role="admin")
    assert carla.refused("operator set", "carla", person="carla", name="clara") == "role_required"
    env.clock.advance(1)
    rename = approved(carla, "operator set", person="carla", name="clara")
    carla.wait(NOTICE)

    assert carla.do("change show", "bia", change=change["change"])["state"] == "applied"
    assert carla.do("change show", "bia", change=rename["change"])["state"] == "applied"
    assert env.do("operator show", person="clara")["role"] == "admin"
    carla.hire("carla", "viewer", by="ana")
    assert env.do("operator show", person="carla")["role"] == "viewer"


RENAMED: list[tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = [
    (("application set", GRANTS), ("application set", {"application": "erp", "name": "other"})),
    (("plan set", {"plan": "basic", "commands": ["start"]}), ("plan set", {"plan": "basic", "name": "other"})),
    (("application set", GRANTS | {"company": "Frota"}), ("company set", {"company": "Frota", "name": "other"})),
    (("application set", GRANTS), ("company set", {"company": "Frota", "name": "other"})),
    (
        ("operator set", {"person": "ana", "grants": ["start"]}),
        ("operator set", {"person": "ana", "name": "other"}),
    ),
    (
        ("switch release", {"account": "main", "reach": "disable"}),
        ("account set", {"account": "main", "name": "other"}),
    ),
]
"""A change that waits, and what would rename something that it names."""


def test_every_renamable_reference_is_tried_here() -> None:
    nouns = {"operator": "person", "company": "company"}
    renaming = {
        each.name
        for each in OPERATIONS
        for noun in [each.name.partition(" ")[0]]
        if {"name", nouns.get(noun, noun)} <= set(each.arguments.__struct_fields__) and not each.name.endswith(" add")
    }
    assert renaming == {name for _, (name, _) in RENAMED}
    assert len(renaming) == 5


@pytest.mark.parametrize(("change", "rename"), RENAMED)
def test_what_an_open_change_names_is_not_renamed(
    two: Staff, change: tuple[str, dict[str, Any]], rename: tuple[str, dict[str, Any]]
) -> None:
    """Nor is the company whose thing it is."""
    if "account" in change[1]:
        account: dict[str, Any] = {"company": "Frota", "connector": "acme", "name": "main", "credentials": {}}
        two.do("account add", "ana", **account)
    waiting = two.do(change[0], "ana", **change[1])
    assert two.refused(rename[0], "ana", **rename[1]) == "named_by_change"
    two.do("change withdraw", "bia", change=waiting["change"])
    assert two.do(rename[0], "ana", **rename[1])["name"] == "other"


def test_renaming_another_operator_is_guarded_and_ends_where_a_change_names_them(carla: Staff) -> None:
    rename = approved(carla, "operator set", person="carla", name="clara")
    assert rename["state"] == "pending"
    waiting = carla.do("operator set", "bia", person="carla", role="approver")
    carla.wait(NOTICE)

    assert carla.do("change show", "bia", change=rename["change"])["problem"].startswith("An open change names this")
    assert carla.state(waiting) == "waiting"


def test_application_owner_is_named_by_id_too(carla: Staff, env: TenantEnv) -> None:
    env.do("application set", application="erp", responsible=["ana"])
    change = carla.do("application set", "ana", application="erp", responsible=["carla"])
    assert change["arguments"]["responsible"] == [carla.id("carla")]
    assert change["named"]["responsible"][0]["name"] == "carla"


def test_a_change_is_refused_where_others_answer_for_the_application_by_now(carla: Staff, env: TenantEnv) -> None:
    change = approved(carla, "application set", **GRANTS)
    env.do("application set", application="erp", responsible=["carla"])
    carla.wait(NOTICE)
    shown = carla.do("change show", "bia", change=change["change"])
    assert (shown["state"], shown["problem"][:20]) == ("failed", "What the change name")
    assert env.do("application show", application="erp")["grants"] == ["location"]


def test_a_change_is_refused_where_the_thing_is_another_companys_by_now(two: Staff, env: TenantEnv) -> None:
    change = approved(two, "application set", **GRANTS)
    other = env.do("company show", company="Outra")["id"]
    env.wait(env.store.write(lambda tx: tx.run("UPDATE application SET company_id = :other", other=other)))
    two.wait(NOTICE)
    assert two.state(change) == "failed"
    assert env.do("application show", application="erp")["grants"] == ["location"]


def test_a_change_that_was_proposed_before_references_were_kept_is_not_made(two: Staff, env: TenantEnv) -> None:
    change = approved(two, "application set", **GRANTS)
    env.wait(env.store.write(lambda tx: tx.run("UPDATE change SET named = NULL")))
    two.wait(NOTICE)
    shown = two.do("change show", "bia", change=change["change"])
    assert (shown["state"], shown["problem"]) == ("failed", "It was proposed before an upgrade; propose it again.")


class Move(Arguments, frozen=True):
    vehicle: str
    account: str
    company: str | None = None


MOVE = Operation("vehicle move", Move, lambda _session, _arguments: {}, guard=guarded("Sends commands elsewhere."))


def test_an_account_is_one_of_the_vehicles_own_company(env: TenantEnv, enrol: Callable[..., dict[str, Any]]) -> None:
    """Whatever accounts of other companies are called."""
    vehicles = {company: enrol(company, f"9KTPARKED0000000{index}") for index, company in enumerate(("Frota", "Outra"))}
    staff = Staff(env)
    staff.hire("ana")
    for company, vehicle in vehicles.items():
        moving = partial(
            perform,
            keyring=env.keyring,
            installation=INSTALLATION,
            name="vehicle move",
            arguments={"vehicle": vehicle["vin"], "account": "main"},
            actor="operator:local",
            operations=(MOVE,),
            operator=staff.operator("ana"),
        )
        change = env.wait(env.store.write(moving))
        account = env.do("account show", account="main", company=company)
        assert change["arguments"] == {"vehicle": vehicle["id"], "account": account["id"], "company": None}
        assert change["company_id"] == vehicle["company_id"]


def test_a_name_is_understood_within_the_company_that_is_named(two: Staff, env: TenantEnv) -> None:
    """Both companies have one of that name; the refusal at the effect has a code of its own."""
    env.do("application list")
    two.do("application add", "ana", company="Outra", name="erp", grants=["location"])
    change = two.do("application set", "ana", application="erp", company="Outra", grants=["start"])
    other = env.do("application show", application="erp", company="Outra")

    assert change["arguments"]["application"] == other["id"]
    assert (change["named"]["application"][0]["company_id"], change["company_id"]) == (other["company_id"],) * 2
