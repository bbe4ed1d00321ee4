"""The rules of a company at work: at the call, at the approval, before the sending."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands.states import State
from keyturn.commands.texts import NOT_APPROVED
from keyturn.connectors.port import Verdict
from keyturn.fleet import evidence, notices
from keyturn.fleet.evidence import Evidence, Report

from .installation import NOW, VIN, add_vehicle
from .yard import PARKED, Yard, sure

BLOCKED = "Command blocked by policy: {}."


@pytest.fixture(autouse=True)
def parked(yard: Yard) -> None:
    yard.report(PARKED)


def policy(yard: Yard, **rules: Any) -> None:
    yard.administer("policy set", company="first", **rules)


def blocked(yard: Yard, code: object = None, command: str = "disable_ignition", **fields: Any) -> str:
    refusal = yard.refused(command, code, **fields)
    assert refusal.http_status == 403
    return refusal.detail


def events(yard: Yard, kind: str) -> list[tuple[Any, ...]]:
    return yard.rows("SELECT actor, vehicle_id, body FROM entry WHERE kind = :kind", kind=kind)


def test_a_reason_is_judged_by_the_call_that_queues_and_does_not_burn_the_code(yard: Yard) -> None:
    policy(yard, reason_required=True)
    confirming, code = yard.first_step("disable_ignition")

    assert blocked(yard, code) == BLOCKED.format("reason required")
    assert blocked(yard, code, reason="because") == BLOCKED.format("reason required")
    assert yard.row(confirming).state is State.CONFIRMING

    queued = sure(yard.ask("disable_ignition", code, reason="missing; since noon", case_number="DP 12/3").waiting)
    assert (queued.reason, queued.case_number) == ("missing; since noon", "DP 12/3")
    assert yard.intent(queued) is not None


def test_the_reason_of_the_first_step_counts_where_the_second_has_none(yard: Yard) -> None:
    policy(yard, reason_required=True)

    queued = sure(yard.ask("disable_ignition", yard.first_step("disable_ignition", reason="missing")[1]).waiting)
    assert queued.reason == "missing"


def test_the_reason_of_the_call_that_queues_goes_before_that_of_the_first_step(yard: Yard) -> None:
    code = yard.first_step("disable_ignition", reason="missing", case_number="1")[1]

    queued = sure(yard.ask("disable_ignition", code, reason="unauthorised use").waiting)
    assert (queued.reason, queued.case_number) == ("unauthorised use", "1")


def test_the_reason_is_in_the_audit_log(yard: Yard) -> None:
    queued = yard.register("disable_ignition", reason="missing", case_number="7")

    told = yard.rows("SELECT body FROM entry WHERE command_id = :id AND kind = 'command.Queued'", id=queued.id)
    assert '"reason":"missing"' in told[0][0]
    assert '"case":"7"' in told[0][0]


def test_nobody_is_immobilised_before_somebody_was_told(yard: Yard) -> None:
    policy(yard, notify_first=True)

    assert blocked(yard) == BLOCKED.format("no notice to the end user on record")
    yard.do(notices.add, yard.names.company, yard.names.vehicle, "phone", NOW, None, "operator:test")
    assert yard.intent(yard.register("disable_ignition")) is not None


def test_nobody_is_immobilised_before_it_is_known_where(yard: Yard) -> None:
    policy(yard, locate_within=10.0)
    assert blocked(yard) == BLOCKED.format("no recent position on record")

    yard.execute("location", data={"latitude": -23.5, "longitude": -46.6})
    yard.clock.advance(600)
    queued = yard.register("disable_ignition")
    yard.clock.advance(1)

    assert yard.intent(queued) is None
    assert yard.row(queued).state is State.REFUSED
    assert blocked(yard) == BLOCKED.format("no recent position on record")


@pytest.mark.parametrize("place", [{}, {"company": "first"}, {"company": "first", "account": "main"}])
def test_a_kill_switch_stops_what_is_asked_for_and_what_is_queued(yard: Yard, place: dict[str, str]) -> None:
    queued = yard.register("disable_ignition")
    yard.administer("switch throw", reach="disable", reason="recall", **place)

    assert yard.intent(queued) is None
    assert yard.row(queued).state is State.REFUSED
    assert yard.row(queued).detail == f'"{BLOCKED.format("stopped by a kill switch")}"'
    assert blocked(yard) == BLOCKED.format("stopped by a kill switch")
    assert yard.intent(yard.register("start")) is not None

    yard.administer("switch release", reach="disable", **place)
    yard.first_step("disable_ignition")


def test_a_switch_over_another_company_stops_nothing_here(yard: Yard) -> None:
    yard.administer("switch throw", reach="actuating", reason="recall", company="second")
    yard.administer("switch throw", reach="restoring", reason="recall", company="second", account="main")

    assert yard.intent(yard.register("disable_ignition")) is not None


def test_a_restoring_command_is_stopped_by_the_switch_that_names_it_only(yard: Yard) -> None:
    yard.execute("disable_ignition")
    yard.administer("switch throw", reach="actuating", reason="recall")
    queued = yard.register("enable_ignition")
    yard.administer("switch throw", reach="restoring", reason="court order")

    assert yard.intent(queued) is None
    assert yard.row(queued).state is State.REFUSED
    assert blocked(yard, command="enable_ignition") == BLOCKED.format("stopped by a kill switch")

    yard.administer("switch release", reach="restoring")
    assert yard.intent(yard.register("enable_ignition")) is not None


def test_one_disable_beyond_the_limit_of_an_actor_stops_that_actor(yard: Yard) -> None:
    policy(yard, disables_per_actor_hour=1)
    yard.execute("disable_ignition")
    code = yard.first_step("disable_ignition")[1]

    assert blocked(yard, code) == BLOCKED.format("limit of disables reached")
    assert blocked(yard) == BLOCKED.format("limit of disables reached")
    ((actor, vehicle, body),) = events(yard, "limit.tripped")
    assert (actor, vehicle) == (yard.names.application, yard.names.vehicle)
    assert '"rule":"disables_per_actor_hour"' in body
    assert f'"vin":"{VIN}"' in body

    colleague = yard.names.colleague
    assert yard.ask("disable_ignition", application_id=colleague).answer is not None
    assert yard.intent(yard.register("enable_ignition")) is not None


def test_a_limit_holds_until_an_operator_lifts_it(yard: Yard) -> None:
    policy(yard, disables_per_company_day=1)
    yard.execute("disable_ignition")
    code = yard.first_step("disable_ignition", application_id=yard.names.colleague)[1]
    assert blocked(yard, code, application_id=yard.names.colleague) == BLOCKED.format("limit of disables reached")
    yard.clock.advance(2 * 86_400)
    assert blocked(yard) == BLOCKED.format("limit of disables reached")

    yard.administer("limit lift", company="first")

    yard.first_step("disable_ignition")
    assert len(events(yard, "limit.lifted")) == 1


def test_what_was_counted_before_a_limit_was_lifted_counts_no_more(yard: Yard) -> None:
    policy(yard, disables_per_actor_hour=1)
    yard.execute("disable_ignition")
    blocked(yard, yard.first_step("disable_ignition")[1])
    yard.administer("limit lift", company="first", application="erp")

    yard.clock.advance(1)
    yard.execute("disable_ignition")

    blocked(yard, yard.first_step("disable_ignition")[1])
    assert len(events(yard, "limit.tripped")) == 2


def test_wrong_codes_reach_no_limit(yard: Yard) -> None:
    policy(yard, disables_per_actor_hour=1)
    yard.execute("disable_ignition")
    yard.first_step("disable_ignition")

    assert yard.refused("disable_ignition", "12345x").detail == "Confirmation invalid"
    assert not events(yard, "limit.tripped")


def test_a_share_of_the_fleet_is_held_at_most_and_one_vehicle_always(yard: Yard) -> None:
    other = yard.do(add_vehicle, "9KTPARKED00000002")
    policy(yard, fleet_share=50.0)

    held = sure(yard.ask("disable_ignition", yard.first_step("disable_ignition")[1]).waiting)
    code = yard.first_step("disable_ignition", vin=other["vin"])[1]
    assert blocked(yard, code, vin=other["vin"]) == BLOCKED.format("limit of disables reached")

    yard.hear(sure(yard.intent(held)), Verdict.FAILED)
    yard.administer("limit lift", company="first")
    assert yard.ask("disable_ignition", code, vin=other["vin"]).waiting is not None


def test_the_fleet_is_what_was_seen_in_the_last_thirty_days(yard: Yard) -> None:
    policy(yard, fleet_share=50.0)
    others = [yard.do(add_vehicle, f"9KTPARKED0000000{number}") for number in (10, 11, 12, 13)]
    for days, vehicle in zip((1, 29, 31, 90), others, strict=True):
        yard.do(evidence.save, vehicle["id"], Evidence(Report(last_contact=after(NOW, -86_400.0 * days))))
    yard.execute("disable_ignition")

    code = yard.first_step("disable_ignition", vin=others[0]["vin"])[1]

    assert blocked(yard, code, vin=others[0]["vin"]) == BLOCKED.format("limit of disables reached")
    assert '"allowed":1,"counted":1' in events(yard, "limit.tripped")[0][2]

    yard.do(evidence.save, others[2]["id"], Evidence(Report(last_contact=NOW)))
    yard.administer("limit lift", company="first")
    assert yard.ask("disable_ignition", code, vin=others[0]["vin"]).waiting is not None


def test_a_second_person_is_waited_for(yard: Yard) -> None:
    policy(yard, second_person=True)
    code = yard.first_step("disable_ignition")[1]

    answer = sure(yard.ask("disable_ignition", code).answer)
    awaiting = yard.row(str(answer.body["id"]))

    assert (answer.http_status, answer.body["status"]) == (200, "Pending")
    assert (awaiting.state, awaiting.approve_by, awaiting.lane_number) == (
        State.AWAITING_APPROVAL,
        after(NOW, 900),
        None,
    )
    assert sure(yard.ask("disable_ignition").answer).body["id"] == awaiting.id
    assert yard.intent(awaiting) is None


@pytest.mark.parametrize(("waited", "state"), [(899.0, State.AWAITING_APPROVAL), (900.0, State.EXPIRED)])
def test_what_nobody_approves_expires_after_a_quarter_of_an_hour(yard: Yard, waited: float, state: State) -> None:
    policy(yard, second_person=True)
    awaiting = yard.register("disable_ignition")
    yard.clock.advance(waited)
    yard.lapse(awaiting)

    assert yard.row(awaiting).state is state
    if state is State.EXPIRED:
        assert yard.row(awaiting).detail == f'"{NOT_APPROVED}"'


def test_enabling_never_waits_for_an_approval_and_supersedes_what_does(yard: Yard) -> None:
    yard.execute("disable_ignition")
    policy(yard, second_person=True)
    awaiting = yard.register("disable_ignition")

    queued = yard.register("enable_ignition")

    assert queued.state is State.QUEUED
    assert yard.row(awaiting).state is State.CANCELLED
    assert yard.intent(queued) is not None


def test_each_enable_supersedes_the_disable_that_waits_before_it(yard: Yard) -> None:
    yard.execute("disable_ignition")
    policy(yard, second_person=True)
    first, enable = yard.register("disable_ignition"), yard.register("enable_ignition")
    second = yard.register("disable_ignition")

    again = yard.register("enable_ignition")

    assert [yard.row(each).state for each in (first, second)] == [State.CANCELLED, State.CANCELLED]
    assert (yard.row(enable).state, again.state) == (State.QUEUED, State.QUEUED)
    assert again.id != enable.id


def test_what_was_queued_before_the_second_person_was_asked_for_is_not_sent(yard: Yard) -> None:
    queued = yard.register("disable_ignition")
    policy(yard, second_person=True)

    assert yard.intent(queued) is None
    assert yard.row(queued).detail == f'"{BLOCKED.format("approval required")}"'


def test_a_policy_is_stored_by_versions_and_told(yard: Yard) -> None:
    policy(yard, reason_required=True, fleet_share=5.0)
    policy(yard, fleet_share=10.0)

    assert yard.rows("SELECT version, made_by FROM policy ORDER BY version") == [
        (1, "operator:test"),
        (2, "operator:test"),
    ]
    assert (len(events(yard, "policy.tightened")), len(events(yard, "policy.loosened"))) == (1, 1)
