"""Changes that relax a safeguard: which they are, and how they take effect."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from keyturn.admin import change_execution
from keyturn.alerts.rules import KINDS
from keyturn.auth.totp import code_at, step_at
from keyturn.operations import OPERATIONS
from tests.support.tenant_env import INSTALLATION, TenantEnv
from tests.tenants.staff import NOTICE, Staff

from .changing import staff as staff
from .changing import two as two

LOOSER: dict[str, dict[str, Any]] = {
    "application add": {"company": "Frota", "name": "new", "grants": ["start"]},
    "application set": {"application": "erp", "grants": ["location", "start"]},
    "plan set": {"plan": "basic", "commands": ["location", "start"]},
    "application rotate-secret": {"application": "erp"},
    "operator add": {"name": "new", "email": "n@b.c", "role": "approver"},
    "operator set": {"person": "vera", "role": "approver"},
    "operator set-password": {"person": "vera"},
    "operator reset-totp": {"person": "vera"},
}
OTHERS_THAT_RELAX: list[tuple[str, dict[str, Any]]] = [
    ("application add", {"company": "Frota", "name": "new"}),
    ("application set", {"application": "closed", "active": True}),
    ("application set", {"application": "erp", "responsible": []}),
    ("application set", {"application": "strict", "signing": "any"}),
    ("company set", {"company": "Outra", "active": True}),
    ("operator add", {"name": "new", "email": "n@b.c", "role": "viewer", "grants": ["start"]}),
    ("application rotate-secret", {"application": "erp", "sign": True}),
    ("application rotate-secret", {"application": "strict", "retire": True}),
    ("operator set", {"person": "vera", "grants": ["start"]}),
    ("operator set", {"person": "vera", "name": "eva"}),
    ("operator set", {"person": "vera", "email": "mine@example.com"}),
    ("operator set", {"person": "rui", "active": True}),
]
TAKES_AWAY: list[tuple[str, dict[str, Any]]] = [
    ("application set", {"application": "erp", "active": False}),
    ("application set", {"application": "erp", "grants": []}),
    ("application set", {"application": "erp", "signing": "v2"}),
    ("application set", {"application": "erp", "responsible": ["vera", "ana"]}),
    ("operator set", {"person": "vera", "active": False}),
    ("operator set", {"person": "bia", "role": "viewer"}),
]
TAKES_A_PERSON: list[tuple[str, dict[str, Any]]] = [
    ("application add", {"company": "Frota", "name": "new", "grants": ["location"]}),
    ("application set", {"application": "erp", "name": "new"}),
    ("company add", {"name": "Nova"}),
    ("company set", {"company": "Frota", "active": False}),
    ("company set", {"company": "Frota", "name": "Nova"}),
    ("plan add", {"name": "new", "commands": []}),
    ("plan set", {"plan": "basic", "commands": []}),
    ("operator add", {"name": "new", "email": "n@b.c", "role": "viewer"}),
    ("operator set", {"person": "ana", "email": "mine@example.com"}),
    ("operator set", {"person": "ana", "name": "anna"}),
]


@pytest.fixture
def furnished(two: Staff) -> Staff:
    """With something of everything that can be relaxed."""
    two.hire("vera", "viewer", by="ana")
    two.hire("rui", "viewer", by="ana")
    waiting = two.hire("paulo", "approver", by="ana")
    two.do("change approve", "bia", change=waiting["change"])
    two.wait(NOTICE)
    two.do("change collect", "ana", change=waiting["change"])
    two.do("operator set", "ana", person="rui", active=False)
    for name in ("closed", "strict"):
        two.do("application add", "ana", company="Frota", name=name, grants=["location"])
    two.do("application set", "ana", application="closed", active=False)
    two.do("application set", "ana", application="strict", signing="v2")
    two.do("application set", "ana", application="erp", responsible=["vera"])
    two.do("company set", "ana", company="Outra", active=False)
    rotated(two, "strict", sign=True)
    return two


def rotated(two: Staff, application: str, **flags: bool) -> dict[str, Any]:
    """What ana is shown who proposed it, when bia has approved."""
    change = two.do("application rotate-secret", "ana", application=application, **flags)
    two.do("change approve", "bia", change=change["change"])
    two.wait(NOTICE)
    return two.do("change collect", "ana", change=change["change"])


@pytest.mark.parametrize(("name", "arguments"), [*LOOSER.items(), *OTHERS_THAT_RELAX])
def test_relaxing_a_safeguard_waits_for_another_admin(furnished: Staff, name: str, arguments: dict[str, Any]) -> None:
    answer = furnished.do(name, "ana", **arguments)

    assert (answer["state"], answer["needs"], answer["effective_at"]) == ("waiting", "approval", None)
    assert furnished.kinds()[-1] == "change.proposed"
    furnished.do("change approve", "bia", change=answer["change"])
    furnished.wait(NOTICE)
    shown = furnished.do("change show", "bia", change=answer["change"])
    assert (shown["state"], shown["problem"]) == ("applied", None)


@pytest.mark.parametrize(("name", "arguments"), TAKES_AWAY)
def test_what_takes_away_is_done_at_once(furnished: Staff, name: str, arguments: dict[str, Any]) -> None:
    assert "change" not in furnished.do(name, "ana", factor=False, **arguments)


@pytest.mark.parametrize(("name", "arguments"), TAKES_A_PERSON)
def test_what_is_made_or_named_is_done_at_once_by_somebody_with_a_second_factor(
    furnished: Staff, name: str, arguments: dict[str, Any]
) -> None:
    before = furnished.kinds()
    assert furnished.refused(name, **arguments) == "sign_in_required"
    assert furnished.refused(name, "ana", factor=False, **arguments) == "sign_in_required"
    assert furnished.kinds() == before
    assert "change" not in furnished.do(name, "ana", **arguments)


@pytest.mark.parametrize(("name", "arguments"), LOOSER.items())
def test_without_an_admin_everything_is_done_at_once(staff: Staff, name: str, arguments: dict[str, Any]) -> None:
    staff.hire("vera", "viewer")
    assert "change" not in staff.do(name, **arguments)


@pytest.mark.parametrize(("name", "arguments"), LOOSER.items())
def test_relaxing_a_safeguard_needs_an_admin_with_a_second_factor(
    furnished: Staff, name: str, arguments: dict[str, Any]
) -> None:
    before = furnished.kinds()

    assert furnished.refused(name, **arguments) == "sign_in_required"
    assert furnished.refused(name, "ana", factor=False, **arguments) == "sign_in_required"
    assert furnished.refused(name, "paulo", **arguments) == "role_required"
    assert furnished.kinds() == before


def test_the_shell_does_not_change_operators_once_somebody_is_in_charge(furnished: Staff) -> None:
    assert furnished.refused("operator set", person="bia", active=False) == "sign_in_required"
    assert furnished.refused("operator set", person="vera", name="eva") == "sign_in_required"
    tame: dict[str, Any] = {"name": "new", "email": "n@b.c", "role": "viewer"}
    assert furnished.refused("operator add", **tame) == "sign_in_required"


def test_an_admin_alone_waits_for_the_notice_only(staff: Staff, env: TenantEnv) -> None:
    staff.hire("ana")
    answer = staff.do("application set", "ana", application="erp", grants=["start"])

    assert (answer["state"], answer["needs"], answer["lapses_at"]) == ("pending", None, None)
    assert env.do("application show", application="erp")["grants"] == ["location"]
    staff.wait(NOTICE - 1)
    assert env.do("application show", application="erp")["grants"] == ["location"]
    staff.wait(1)
    assert env.do("application show", application="erp")["grants"] == ["start"]
    assert staff.kinds()[-2:] == ["change.applied", "application.changed"]
    ((actor,),) = env.rows("SELECT actor FROM entry WHERE kind = 'application.changed'")
    assert actor == f"operator:{staff.id('ana')}"


def test_a_change_that_can_no_longer_be_made_fails_alone(two: Staff, env: TenantEnv) -> None:
    first = two.do("operator add", "ana", **LOOSER["operator add"])
    second = two.do("plan set", "ana", plan="basic", commands=["start"])
    for change in (first, second):
        two.do("change approve", "bia", change=change["change"])
    two.hire("new", "viewer", by="bia")
    two.wait(NOTICE)

    failed = two.do("change show", "bia", change=first["change"])
    assert (failed["state"], failed["problem"]) == ("failed", "The name 'new' is taken by another operator.")
    assert two.state(second) == "applied"
    assert two.kinds().count("change.failed") == 1


def test_an_error_of_ours_ends_the_one_change_and_is_not_told_in_detail(two: Staff, env: TenantEnv) -> None:
    broken = two.do("operator add", "ana", **LOOSER["operator add"])
    sound = two.do("plan set", "ana", plan="basic", commands=["start"])
    for change in (broken, sound):
        two.do("change approve", "bia", change=change["change"])
    broken_id = broken["change"]
    env.wait(env.store.write(lambda tx: tx.run("UPDATE change SET sealed = zeroblob(60) WHERE id = :id", id=broken_id)))
    with capture_logs() as logs:
        two.wait(NOTICE)

    assert two.do("change show", "bia", change=broken["change"])["problem"] == "Internal error; see the log."
    assert two.state(sound) == "applied"
    ((told),) = logs
    assert (told["change"], told["error"]) == (broken["change"], "SealBroken")


def test_a_change_outlives_a_restart(two: Staff, env: TenantEnv) -> None:
    change = two.do("operator add", "ana", **LOOSER["operator add"])
    two.do("change approve", "bia", change=change["change"])
    applied = two.kinds().count("change.applied")
    env.wait(env.store.close())
    again = TenantEnv(env.data)
    try:
        again.clock.advance(2 * NOTICE)
        again.wait(change_execution.apply_due(again.store, again.keyring, INSTALLATION, OPERATIONS))
        assert again.do("operator show", person="new")["role"] == "approver"
        again.wait(change_execution.apply_due(again.store, again.keyring, INSTALLATION, OPERATIONS))
        assert again.rows("SELECT count(*) FROM entry WHERE kind = 'change.applied'") == [(applied + 1,)]
    finally:
        again.close()


def test_an_application_that_an_operator_adds_is_kept_as_theirs(two: Staff) -> None:
    added = two.do("application add", "ana", company="Frota", name="new", grants=["location"])
    assert added["created_by"] == two.id("ana")


def test_codes_of_a_removed_second_factor_are_worth_nothing(staff: Staff) -> None:
    staff.with_password("ana")
    staff.enrol("ana")
    secret = staff.secrets["ana"]
    staff.do("operator reset-totp", "ana", person="ana")

    staff.turned_away("ana", code=code_at(secret, step_at(staff.env.clock.now())))


def test_all_that_was_done_to_people_and_applications_is_told(furnished: Staff) -> None:
    """Hiring, renaming, removing, granting and rotating: each leaves an entry that leads to an alert."""
    rotated(furnished, "erp")
    furnished.do("operator set", "ana", person="ana", name="anna")
    done = {each for each in furnished.kinds() if each.split(".")[0] in ("application", "operator", "company")}
    assert done >= {
        "application.added",
        "application.changed",
        "application.client_secret_rotated",
        "application.sign_secret_added",
        "operator.added",
        "operator.set",
    }
    assert done - KINDS == {"company.added"}
