"""Kill switches: what one person throws at once, and what holds the way back up, which nobody does alone for long."""

from typing import Any

import pytest

from keyturn.tenants import kill_switches
from tests.admin.changing import staff as staff
from tests.admin.changing import two as two

from .staff import NOTICE, Staff

HOUR, TEN_MINUTES = 3_600.0, 600.0
COMPANY: dict[str, Any] = {"company": "Frota"}
ACCOUNT: dict[str, Any] = {"company": "Frota", "account": "main"}
PLACES: dict[str, dict[str, Any]] = {"installation": {}, "company": COMPANY, "account": ACCOUNT}
RESTORING: dict[str, Any] = {"reach": "restoring", "reason": "the relay is on fire"}


@pytest.fixture
def company(staff: Staff) -> Staff:
    """With nobody in charge, and an account of the company."""
    for name, connector in (("main", "acme"), ("spare", "relay")):
        account: dict[str, Any] = {"connector": connector, "name": name, "credentials": {"token": "t"}}
        staff.do("account add", company="Frota", **account)
    return staff


@pytest.fixture
def pair(company: Staff) -> Staff:
    """With two admins, ana and bia, and an approver, paulo."""
    company.hire("paulo", "approver")
    company.settle("ana", "bia")
    return company


def held(staff: Staff, account: str = "main") -> bool:
    """Whether restoring commands of a vehicle of Frota behind the account are held back."""
    (company,) = [each["id"] for each in staff.do("company list")["companies"] if each["name"] == "Frota"]
    (account_id,) = [each["id"] for each in staff.do("account list")["accounts"] if each["name"] == account]
    store = staff.env.store
    return "restoring" in staff.env.wait(store.read(lambda tx: kill_switches.active_reaches(tx, company, account_id)))


def throw_by_two(staff: Staff, **where: Any) -> None:
    waiting = staff.do("switch throw", "ana", **RESTORING, **where)
    assert waiting["needs"] == "approval"
    staff.do("change approve", "bia", change=waiting["change"])
    staff.wait(NOTICE)


@pytest.mark.parametrize("where", PLACES.values(), ids=PLACES)
def test_holding_restoring_commands_back_takes_a_second_admin_and_ends_after_an_hour(
    pair: Staff, where: dict[str, Any]
) -> None:
    throw_by_two(pair, **where)

    assert held(pair)
    (shown,) = pair.do("switch list")["switches"]
    assert (shown["approved_by"], shown["reason"]) == (pair.id("bia"), RESTORING["reason"])
    pair.wait(HOUR - 1)
    assert held(pair)
    pair.wait(1)
    assert not held(pair)
    assert pair.do("switch list") == {"switches": []}
    assert pair.refused("switch release", reach="restoring", **where) == "not_thrown"
    throw_by_two(pair, **where)
    assert held(pair)


def test_from_the_shell_or_with_a_bare_password_nobody_holds_them_back(pair: Staff) -> None:
    assert pair.refused("switch throw", **RESTORING) == "sign_in_required"
    assert pair.refused("switch throw", "ana", factor=False, **RESTORING) == "sign_in_required"
    assert pair.refused("switch throw", "paulo", **RESTORING) == "role_required"
    assert pair.refused("switch throw", "ana", reach="restoring", reason=" ") == "invalid_reason"
    assert not held(pair)


@pytest.mark.parametrize("who", ["ana", None], ids=["one admin", "nobody in charge"])
def test_lone_admin_holds_back_restoring_commands_for_ten_minutes_and_not_again(
    company: Staff, who: str | None
) -> None:
    if who:
        company.settle(who)
        company.do("switch throw", who, **RESTORING)
        assert not held(company)
        company.wait(NOTICE)
    else:
        company.do("switch throw", **RESTORING)
    assert held(company)
    company.wait(TEN_MINUTES - 1)
    assert held(company)
    company.wait(1)
    assert not held(company)

    for where in (COMPANY, ACCOUNT, {}):
        again = company.do("switch throw", who, **RESTORING, **where) if who else None
        if again:
            company.wait(NOTICE)
            assert company.state(again) == "failed"
        else:
            assert company.refused("switch throw", **RESTORING, **where) == "held_lately"
        assert not held(company)
    company.wait(HOUR)
    company.do("switch throw", who, **RESTORING)
    company.wait(NOTICE if who else 0)
    assert held(company)


@pytest.mark.parametrize(
    ("first", "then", "refused"),
    [
        (ACCOUNT, COMPANY, True),
        (COMPANY, ACCOUNT, True),
        (ACCOUNT, {}, True),
        (ACCOUNT, {"company": "Frota", "account": "spare"}, False),
        (COMPANY, {"company": "Outra"}, False),
        ({}, {"company": "Outra"}, True),
    ],
)
def test_another_place_over_the_same_vehicles_is_the_same(
    company: Staff, first: dict[str, Any], then: dict[str, Any], refused: bool
) -> None:
    company.do("switch throw", **RESTORING, **first)
    company.do("switch release", reach="restoring", **first)
    if refused:
        assert company.refused("switch throw", **RESTORING, **then) == "held_lately"
    else:
        assert company.do("switch throw", **RESTORING, **then)["thrown"]


@pytest.mark.parametrize(("who", "factor"), [("paulo", False), ("paulo", True), ("ana", False), (None, False)])
def test_anybody_who_has_it_in_reach_lets_them_through_at_once(pair: Staff, who: str | None, factor: bool) -> None:
    throw_by_two(pair)

    assert pair.do("switch release", who, factor=factor, reach="restoring")["thrown"] is False

    assert not held(pair)
    assert pair.kinds()[-1] == "switch.deactivated"


def test_kill_switch_is_out_of_reach_of_another_companys_operators(pair: Staff) -> None:
    waiting = pair.hire("sergio", "approver", by="ana", company="Outra")
    pair.do("change approve", "bia", change=waiting["change"])
    pair.wait(NOTICE)
    throw_by_two(pair, **COMPANY)

    assert pair.refused("switch release", "sergio", reach="restoring", company="Frota") == "not_found"
    assert pair.refused("switch release", "sergio", reach="restoring") == "not_thrown"
    assert held(pair)


@pytest.mark.parametrize("reach", ["disable", "actuating"])
@pytest.mark.parametrize(("who", "factor"), [("paulo", False), ("ana", True), (None, False)])
def test_what_acts_is_stopped_at_once_and_let_through_by_two(
    pair: Staff, reach: str, who: str | None, factor: bool
) -> None:
    assert pair.do("switch throw", who, factor=factor, reach=reach, reason="an attack")["thrown"] is True

    pair.wait(30 * 86_400.0)
    (shown,) = pair.do("switch list")["switches"]
    assert (shown["reach"], shown["ends_at"]) == (reach, None)
    assert pair.refused("switch release", reach=reach) == "sign_in_required"
    assert pair.refused("switch release", "paulo", reach=reach) == "role_required"
    assert pair.do("switch release", "ana", reach=reach)["needs"] == "approval"


def test_an_approver_alone_does_not_let_through_what_acts(staff: Staff) -> None:
    staff.hire("paulo", "approver")
    staff.do("switch throw", reach="disable", reason="an attack")

    assert staff.refused("switch release", "paulo", reach="disable") == "role_required"


def test_a_release_is_entered_for_the_company_and_the_list_says_everything(pair: Staff) -> None:
    throw_by_two(pair, **COMPANY)
    (row,) = pair.do("switch list")["switches"]
    assert row.keys() == {"scope", "name", "reach", "reason", "by", "at", "approved_by", "ends_at"}
    assert (row["scope"], row["name"], row["by"], row["approved_by"]) == (
        "company", "Frota", f"operator:{pair.id('ana')}", pair.id("bia"),
    )  # fmt: skip

    pair.do("switch release", "paulo", reach="restoring", **COMPANY)

    (company,) = pair.env.rows("SELECT id FROM company WHERE name = 'Frota'")
    assert pair.env.rows("SELECT company_id FROM entry WHERE kind = 'switch.deactivated'") == [company]
    assert pair.env.rows("SELECT 1 FROM restoring_held WHERE until > 1700000000000000 + 1200000000") == []
