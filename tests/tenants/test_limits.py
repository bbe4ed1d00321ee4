"""Limits on disables: what is counted, for how long, whom a stop holds, and who lifts it."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from keyturn.clock import iso_time
from keyturn.fleet import immobilisation
from keyturn.fleet.immobilisation import Opening
from keyturn.tenants import limits
from keyturn.tenants.limits import ExceededLimit
from keyturn.tenants.policies import Policy
from tests.support.tenant_env import TenantEnv

from .staff import NOTICE, Staff

T = TypeVar("T")
HOUR, DAY = 3_600.0, 86_400.0
BY_ACTOR = Policy(disables_per_actor_hour=2)
BY_COMPANY = Policy(disables_per_company_day=2)
BY_SHARE = Policy(fleet_share=50.0)


class Desk:
    """The company Frota with its application erp and one colleague of it, and what is counted of both."""

    def __init__(self, env: TenantEnv) -> None:
        self.env = env
        self.company = str(env.do("company add", name="Frota")["id"])
        self.erp = str(env.do("application add", company="Frota", name="erp")["id"])
        self.colleague = str(env.do("application add", company="Frota", name="app")["id"])
        self._counted = 0

    def disable(self, actor: str, company: str | None = None) -> None:
        self._counted += 1
        number = self._counted
        of = company or self.company
        self.env.wait(self.env.store.write(lambda tx: limits.record_disable(tx, of, actor, f"command {number}")))

    def see(self, view: Callable[..., T], *args: Any) -> T:
        return self.env.wait(self.env.store.read(lambda tx: view(tx, *args)))

    def crossed(self, policy: Policy, actor: str | None = None, vehicle: str = "v") -> ExceededLimit | None:
        return self.see(limits.exceeded, policy, self.company, actor or self.erp, vehicle)

    def left(self, policy: Policy) -> dict[str, int]:
        return self.see(limits.remaining, policy, self.company, self.erp)

    def stop(self, actor: str, rule: str = "disables_per_actor_hour") -> bool:
        crossing = ExceededLimit(rule, actor, 1, 1)
        return self.env.wait(self.env.store.write(lambda tx: limits.stop_disables(tx, self.company, crossing)))

    def stopped(self, actor: str) -> bool:
        return self.see(limits.is_stopped, self.company, actor)

    def forget(self, limit: int) -> int:
        return self.env.wait(self.env.store.write(lambda tx: limits.delete_expired(tx, limit)))

    def wait(self, seconds: float) -> None:
        self.env.clock.advance(seconds)


@pytest.fixture
def desk(env: TenantEnv) -> Desk:
    return Desk(env)


def test_an_applications_disables_count_for_an_hour(desk: Desk) -> None:
    desk.disable(desk.erp)
    assert desk.crossed(BY_ACTOR) is None
    desk.wait(1)
    desk.disable(desk.erp)

    assert desk.crossed(BY_ACTOR) == ExceededLimit("disables_per_actor_hour", desk.erp, 2, 2)
    assert desk.crossed(BY_ACTOR, desk.colleague) is None

    desk.wait(HOUR - 1.5)
    assert desk.crossed(BY_ACTOR) is not None
    desk.wait(0.5)
    assert desk.crossed(BY_ACTOR) is None


def test_a_companys_disables_count_for_a_day_whoever_asked(desk: Desk) -> None:
    desk.disable(desk.erp)
    desk.disable(desk.colleague)
    desk.disable(desk.erp, company="another")

    assert desk.crossed(BY_COMPANY) == ExceededLimit("disables_per_company_day", "", 2, 2)
    assert desk.crossed(Policy(disables_per_company_day=3)) is None

    desk.wait(DAY - 0.5)
    assert desk.crossed(BY_COMPANY) is not None
    desk.wait(0.5)
    assert desk.crossed(BY_COMPANY) is None


def test_what_each_counted_limit_leaves_is_told_by_its_name_and_never_less_than_nothing(desk: Desk) -> None:
    both = Policy(disables_per_actor_hour=2, disables_per_company_day=5)
    for _ in range(3):
        desk.disable(desk.erp)
    desk.disable(desk.colleague)

    assert desk.left(both) == {"disables_per_actor_hour": 0, "disables_per_company_day": 1}
    assert desk.left(BY_COMPANY) == {"disables_per_company_day": 0}
    assert desk.left(Policy()) == {}


def test_a_share_of_the_fleet_is_crossed_by_one_vehicle_more(desk: Desk, enrol: Callable[..., dict[str, Any]]) -> None:
    held = str(enrol("Other", "9KTFLEET000000001")["id"])
    (company,) = desk.env.rows("SELECT company_id FROM vehicle")[0]

    opening = Opening(company, held, "a command", "erp", "account", "car", None)
    desk.env.wait(desk.env.store.write(lambda tx: immobilisation.open_for(tx, opening)))

    assert desk.see(limits.exceeded, BY_SHARE, company, "erp", "another") == ExceededLimit("fleet_share", "", 1, 1)
    assert desk.see(limits.exceeded, BY_SHARE, company, "erp", held) is None


def test_counts_that_no_window_reaches_are_forgotten_a_few_at_a_time(desk: Desk) -> None:
    for _ in range(3):
        desk.disable(desk.erp)
    desk.wait(1)
    desk.disable(desk.erp)

    desk.wait(DAY - 1.5)
    assert desk.forget(10) == 0
    desk.wait(0.5)
    assert [desk.forget(2), desk.forget(2), desk.forget(2)] == [2, 1, 0]
    assert desk.env.rows("SELECT command_id FROM disable_count") == [("command 4",)]


@pytest.mark.parametrize("application", ["erp", None])
def test_a_stop_holds_whom_it_names_until_it_is_lifted(desk: Desk, application: str | None) -> None:
    actor = "" if application is None else desk.erp
    assert desk.stop(actor) is True
    assert desk.stop(actor) is False
    assert (desk.stopped(desk.erp), desk.stopped(desk.colleague)) == (True, application is None)

    answer = desk.env.do("limit lift", company="Frota", application=application)

    assert answer == {"company": "Frota", "application": application, "stopped": False}
    assert (desk.stopped(desk.erp), desk.stopped(desk.colleague)) == (False, False)
    ((company, body),) = desk.env.rows("SELECT company_id, body FROM entry WHERE kind = 'limit.lifted'")
    assert (company, json.loads(body)["application"]) == (desk.company, actor or None)


def test_a_stop_that_was_lifted_holds_again_when_the_limit_is_crossed_again(desk: Desk) -> None:
    desk.stop(desk.erp)
    desk.env.do("limit lift", company="Frota", application="erp")

    assert desk.stop(desk.erp) is True
    assert desk.stopped(desk.erp)


def test_where_no_limit_holds_there_is_nothing_to_lift(desk: Desk) -> None:
    desk.stop(desk.erp)

    error = desk.env.refused("limit lift", company="Frota")

    assert (error.code, str(error)) == ("not_stopped", "No limit holds there.")
    assert desk.stopped(desk.erp)


def test_the_list_says_whom_each_stop_holds_why_and_since_when(desk: Desk) -> None:
    desk.stop(desk.erp)
    since = desk.env.clock.now()
    desk.wait(60)
    desk.stop("", "fleet_share")
    desk.stop(desk.colleague)
    desk.env.do("limit lift", company="Frota", application="app")

    assert desk.env.do("limit list") == {
        "stops": [
            {"company": "Frota", "application": "erp", "cause": "disables_per_actor_hour", "at": iso_time(since)},
            {"company": "Frota", "application": None, "cause": "fleet_share", "at": iso_time(since + 60_000_000)},
        ]
    }


def test_to_lift_a_limit_needs_an_admin_and_the_notice_period(desk: Desk) -> None:
    staff = Staff(desk.env)
    staff.hire("vera", role="viewer")
    staff.settle("ana")
    desk.stop(desk.erp)

    assert staff.refused("limit lift", "vera", company="Frota", application="erp") == "role_required"
    assert staff.do("limit list", "vera")["stops"]
    waiting = staff.do("limit lift", "ana", company="Frota", application="erp")
    assert staff.state(waiting) == "pending"
    assert desk.stopped(desk.erp)

    staff.wait(NOTICE)
    assert not desk.stopped(desk.erp)
