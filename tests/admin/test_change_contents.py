"""What a pending change says: to those who decide about it, in the audit log, and sealed."""

import json

from keyturn.admin import operators
from keyturn.admin.operation import Answer, Arguments, Operation
from keyturn.clock import iso_time
from keyturn.operations import perform
from keyturn.store.port import Tx
from tests.support.tenant_env import INSTALLATION, TenantEnv
from tests.tenants.staff import NOTICE, Staff

from .changing import staff as staff
from .changing import two as two
from .test_changes import LOOSER
from .test_changes import furnished as furnished


def test_a_change_is_announced_with_all_that_it_says_and_no_secret(two: Staff, env: TenantEnv) -> None:
    answer = two.do("operator add", "ana", **LOOSER["operator add"])

    (*_, (kind, company_id, actor, body)) = env.rows("SELECT kind, company_id, actor, body FROM entry ORDER BY seq")
    told = json.loads(body)
    assert (kind, company_id, actor) == ("change.proposed", None, f"operator:{two.id('ana')}")
    assert (told["change"], told["operation"], told["needs"]) == (answer["change"], "operator add", "approval")
    assert told["arguments"]["role"] == "approver"
    assert "password" not in told["arguments"]


def test_what_is_secret_in_a_change_is_kept_sealed_and_forgotten_at_its_end(two: Staff, env: TenantEnv) -> None:
    secret = SECRETIVE.arguments(word="a word that nobody may read")
    env.wait(env.store.write(lambda tx: _proposed(tx, env, two, secret)))
    assert env.rows("SELECT count(*) FROM change WHERE sealed IS NOT NULL") == [(1,)]
    assert not env.files_hold("a word that nobody may read")
    (change,) = two.do("change list", "bia", limit=1)["changes"]
    two.do("change withdraw", "bia", change=change["change"])
    assert env.rows("SELECT count(*) FROM change WHERE sealed IS NOT NULL") == [(0,)]


class Secretive(Arguments, frozen=True):
    word: str


SECRETIVE = Operation("thing do", Secretive, lambda _session, _arguments: {}, secret=("word",))


def _proposed(tx: Tx, env: TenantEnv, staff: Staff, arguments: Arguments) -> Answer:
    row = tx.one("SELECT id FROM operator WHERE name = 'ana'")
    assert row is not None
    operator = operators.load(tx, str(row[0]), second_factor=True)
    word = {"word": arguments.word}  # type: ignore[attr-defined]
    return perform(tx, env.keyring, INSTALLATION, "thing do", word, "operator:local", (SECRETIVE,), operator)


def test_everybody_in_charge_hears_of_it(two: Staff, env: TenantEnv) -> None:
    two.hire("cia", company="Frota", by="ana")
    company_id = env.do("company show", company="Frota")["id"]
    (change,) = two.do("change list", "ana", limit=1)["changes"]
    two.do("change approve", "bia", change=change["change"])
    two.wait(NOTICE)
    assert two.state(change) == "applied"

    def told(company: str | None) -> list[str]:
        return env.wait(env.store.read(lambda tx: operators.admin_emails(tx, company)))

    assert told(None) == ["ana@example.com", "bia@example.com"]
    assert told(company_id) == ["ana@example.com", "bia@example.com", "cia@example.com"]
    two.do("operator set", "ana", person="cia", active=False)
    assert told(company_id) == ["ana@example.com", "bia@example.com"]


def test_what_is_shown_of_a_change_says_whose_it_is_and_how_and_when_it_ended(two: Staff, env: TenantEnv) -> None:
    change = two.do("application set", "ana", application="erp", grants=["start"])["change"]
    env.clock.advance(60)
    two.do("change withdraw", "bia", factor=False, change=change)
    company = str(env.do("company show", company="Frota")["id"])

    shown = two.do("change show", "bia", change=change)

    assert (shown["company_id"], shown["state"], shown["problem"]) == (company, "withdrawn", None)
    assert (shown["ended_by"], shown["ended_at"]) == (f"operator:{two.id('bia')}", iso_time(env.clock.now()))
    of_whom = env.rows("SELECT kind, company_id FROM entry WHERE kind LIKE 'change.%' ORDER BY seq DESC LIMIT 2")
    assert of_whom == [("change.withdrawn", company), ("change.proposed", company)]


def test_a_change_tells_whom_and_what_it_names(two: Staff) -> None:
    change = two.do("application set", "ana", application="erp", grants=["start"])

    shown = two.do("change show", "bia", change=change["change"])
    erp = two.do("application show", application="erp")

    assert shown["arguments"]["application"] == erp["id"]
    (named,) = shown["named"]["application"]
    assert (named["id"], named["name"], named["company_id"]) == (erp["id"], "erp", erp["company_id"])


def test_a_change_of_before_an_upgrade_ends_with_what_to_do(two: Staff, env: TenantEnv) -> None:
    change = two.do("application set", "ana", application="erp", grants=["start"])
    two.do("change approve", "bia", change=change["change"])
    env.wait(env.store.write(lambda tx: tx.run("UPDATE change SET named = NULL")))
    assert two.do("change show", "bia", change=change["change"])["named"] == {}
    two.wait(NOTICE)

    shown = two.do("change show", "bia", change=change["change"])
    assert (shown["state"], shown["problem"]) == ("failed", "It was proposed before an upgrade; propose it again.")
