"""What every administration operation shares, and those of companies, plans, applications and accounts."""

import json
from typing import Any

import pytest

from keyturn.auth.keyring import SealBroken
from keyturn.operations import OPERATIONS
from keyturn.tenants.accounts import open_account
from tests.support.tenant_env import TenantEnv


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [operation.name for operation in OPERATIONS]

    assert len(names) == len(set(names))
    assert {name.split()[0] for name in names} >= {"company", "application", "plan", "account", "vehicle", "operator"}


def test_an_unknown_operation_or_argument_is_refused(env: TenantEnv) -> None:
    assert env.refused("company burn").code == "unknown_operation"
    assert str(env.refused("company add")) == "company add: Object missing required field `name`."
    assert env.refused("company add", name=5).code == "invalid_arguments"
    assert env.refused("company add", name="Frota", colour="red").code == "invalid_arguments"


def test_a_company_is_added_shown_changed_and_listed(env: TenantEnv) -> None:
    added = env.do("company add", name="Frota")
    changed = env.do("company set", company=added["id"], name="Frota Sul", active=False)

    assert (added["name"], added["active"]) == ("Frota", True)
    assert (changed["name"], changed["active"]) == ("Frota Sul", False)
    assert env.do("company show", company="Frota Sul") == changed
    assert env.do("company list") == {"companies": [changed]}


def test_results_are_ready_for_json(env: TenantEnv, application: dict[str, Any]) -> None:
    env.do("plan add", name="full", commands=["start"])
    for name in ("company list", "plan list", "application list", "account list"):
        assert json.loads(json.dumps(env.do(name))) == env.do(name)


@pytest.mark.parametrize("name", ["", " Frota", "Frota ", "Fro\nta", "Fro\x00ta", "x" * 101])
def test_a_name_that_cannot_be_told_from_another_is_refused(env: TenantEnv, name: str) -> None:
    assert env.refused("company add", name=name).code == "invalid_name"


@pytest.mark.parametrize("noun", ["company", "plan", "application", "account"])
def test_a_name_is_given_once(env: TenantEnv, application: dict[str, Any], noun: str) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "company": {},
        "plan": {"commands": ["start"]},
        "application": {"company": "Frota"},
        "account": {"company": "Frota", "connector": "acme", "credentials": {}},
    }
    env.do(f"{noun} add", name="one", **arguments[noun])
    env.do(f"{noun} add", name="two", **arguments[noun])

    assert env.refused(f"{noun} add", name="one", **arguments[noun]).code == "name_taken"
    assert env.refused(f"{noun} set", **{noun: "two"}, name="one").code == "name_taken"
    assert env.do(f"{noun} set", **{noun: "two"}, name="two")["name"] == "two"


@pytest.mark.parametrize("noun", ["company", "plan", "application", "account", "vehicle"])
def test_missing_reference_is_named(env: TenantEnv, noun: str) -> None:
    refusal = env.refused(f"{noun} show", **{noun: "nothing"})

    assert (refusal.code, str(refusal)) == ("not_found", f"There is no {noun} 'nothing'.")


def test_setting_nothing_is_refused(env: TenantEnv, application: dict[str, Any]) -> None:
    assert env.refused("company set", company="Frota").code == "nothing_to_change"
    assert env.refused("application set", application="erp").code == "nothing_to_change"


def test_a_refused_operation_leaves_nothing_behind(env: TenantEnv, application: dict[str, Any]) -> None:
    before = env.rows("SELECT * FROM entry"), env.rows("SELECT * FROM application")
    env.refused("application add", company="Frota", name="erp")
    env.refused("application set", application="erp", name="new", grants=["fly"])

    assert (env.rows("SELECT * FROM entry"), env.rows("SELECT * FROM application")) == before


def test_ignition_is_granted_only_by_name(env: TenantEnv, application: dict[str, Any]) -> None:
    assert application["grants"] == ["location", "start"]

    granted = env.do("application set", application="erp", grants=["start", "disable_ignition"])
    assert granted["grants"] == ["disable_ignition", "start"]
    named = env.do("application add", company="Frota", name="guard", grants=["enable_ignition"])
    assert named["grants"] == ["enable_ignition"]


def test_a_command_that_does_not_exist_is_neither_granted_nor_planned(env: TenantEnv) -> None:
    env.do("company add", name="Frota")

    refusal = env.refused("application add", company="Frota", name="erp", grants=["strat"])
    assert (refusal.code, str(refusal)) == (
        "unknown_command",
        "There is no command 'strat'; the nearest is 'start'.",
    )
    assert env.refused("plan add", name="full", commands=["fly"]).code == "unknown_command"
    env.do("plan add", name="full", commands=["start", "start"])
    assert env.refused("plan set", plan="full", commands=["fly"]).code == "unknown_command"
    assert env.do("plan show", plan="full")["commands"] == ["start"]
    assert env.do("plan set", plan="full", commands=["location"])["commands"] == ["location"]


def test_secrets_are_shown_once_and_are_not_readable_at_rest(env: TenantEnv, application: dict[str, Any]) -> None:
    rotated = env.do("application rotate-secret", application="erp")
    signing = env.do("application rotate-secret", application="erp", sign=True)
    env.do("account add", company="Frota", connector="acme", name="main", credentials={"password": "hunter-two"})
    env.do("account set", account="main", credentials={"password": "hunter-three"})
    secrets = [
        application["client_secret"],
        application["sign_secret"],
        rotated["client_secret"],
        signing["sign_secret"],
        "hunter-two",
        "hunter-three",
    ]

    assert len(set(secrets)) == 6
    assert env.files_hold(application["client_id"])
    assert [secret for secret in secrets if env.files_hold(secret)] == []
    shown = json.dumps([env.do(f"{noun} list") for noun in ("company", "application", "account")])
    assert [secret for secret in secrets if secret in shown] == []


def test_a_sealed_secret_moved_to_another_application_cannot_be_opened(
    env: TenantEnv, application: dict[str, Any]
) -> None:
    other = env.do("application add", company="Frota", name="other")
    env.wait(env.store.write(lambda tx: tx.run("DELETE FROM sign_secret WHERE application_id = :id", id=other["id"])))
    env.wait(env.store.write(lambda tx: tx.run("UPDATE sign_secret SET application_id = :id", id=other["id"])))
    token = env.token(other)

    with pytest.raises(SealBroken):
        env.wait(env.directory.authenticate(str(token)))


def test_sign_secrets_come_and_go_one_at_a_time(env: TenantEnv, application: dict[str, Any]) -> None:
    def rotate(**flags: bool) -> dict[str, Any]:
        return env.do("application rotate-secret", application="erp", **flags)

    assert env.refused("application rotate-secret", application="erp", retire=True).code == "one_sign_secret"
    assert rotate(sign=True)["sign_secrets"] == 2
    assert env.refused("application rotate-secret", application="erp", sign=True).code == "two_sign_secrets"
    for _ in range(3):
        assert rotate(retire=True)["sign_secrets"] == 1
        newest = rotate(sign=True)["sign_secret"]
    rotate(retire=True)
    ((sealed,),) = env.rows("SELECT sealed FROM sign_secret")
    assert env.keyring.unseal(sealed, application["id"]) == newest.encode()


def test_an_account_is_opened_for_use_while_it_is_active(env: TenantEnv) -> None:
    env.do("company add", name="Frota")
    account = env.do("account add", company="Frota", connector="acme", name="main", credentials={"token": "t1"})

    def opened() -> Any:
        return env.wait(env.store.read(lambda tx: open_account(tx, env.keyring, account["id"])))

    connector, usable = opened()
    assert (connector, usable.id, usable.credentials) == ("acme", account["id"], {"token": "t1"})
    env.do("account set", account="main", credentials={"token": "t2"})
    assert opened()[1].credentials == {"token": "t2"}
    env.do("account set", account="main", active=False)
    assert opened() is None


def test_an_account_needs_a_connector_that_is_configured(env: TenantEnv) -> None:
    env.do("company add", name="Frota")

    refusal = env.refused("account add", company="Frota", connector="acne", name="main", credentials={})
    assert str(refusal) == "There is no connector 'acne'; the nearest is 'acme'."


def test_a_name_that_two_companies_use_needs_the_company_or_the_id(env: TenantEnv, application: dict[str, Any]) -> None:
    env.do("company add", name="Outra")
    other = env.do("application add", company="Outra", name="erp")

    assert env.refused("application show", application="erp").code == "ambiguous"
    assert env.do("application show", application="erp", company="Outra")["id"] == other["id"]
    assert env.do("application show", application=application["id"])["company"] == "Frota"
    assert env.do("application show", application=other["client_id"])["company"] == "Outra"
    assert env.refused("application show", application=other["id"], company="Frota").code == "not_found"
    listed = env.do("application list", company="Outra")["applications"]
    assert [row["id"] for row in listed] == [other["id"]]


def test_every_change_is_in_the_audit_log_of_its_company(env: TenantEnv, application: dict[str, Any]) -> None:
    env.do("application rotate-secret", application="erp")
    env.do("application set", application="erp", grants=["start"])
    env.do("plan add", name="full", commands=["start"])
    env.do("account add", company="Frota", connector="acme", name="main", credentials={"k": "v"})
    env.do("account set", account="main", credentials={"k": "w"})
    env.do("company set", company="Frota", active=False)

    entries = env.rows("SELECT kind, actor, company_id, body FROM entry ORDER BY seq")
    frota = application["company_id"]

    assert [(kind, company_id) for kind, _, company_id, _ in entries] == [
        ("company.added", frota),
        ("application.added", frota),
        ("application.client_secret_rotated", frota),
        ("application.changed", frota),
        ("plan.added", None),
        ("account.added", frota),
        ("account.changed", frota),
        ("company.changed", frota),
    ]
    assert {actor for _, actor, _, _ in entries} == {"operator:local"}
    assert json.loads(entries[3][3]) == {"application_id": application["id"], "grants": ["start"]}
    assert json.loads(entries[6][3])["credentials_replaced"] is True
