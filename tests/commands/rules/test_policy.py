"""The rules of a company at work: at the call, at the approval, before the sending."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands.model.messages import NOT_APPROVED
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from keyturn.fleet import evidence, immobilisation
from keyturn.fleet.evidence import Evidence, ReportedState
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW, VIN, add_vehicle

BLOCKED = "Command blocked by policy: {}."


@pytest.fixture(autouse=True)
def parked(env: CommandEnv) -> None:
    env.report(PARKED)


def policy(env: CommandEnv, **rules: Any) -> None:
    env.administer("policy set", company="first", **rules)


def blocked(env: CommandEnv, code: object = None, command: str = "disable_ignition", **fields: Any) -> str:
    refusal = env.refused(command, code, **fields)
    assert refusal.http_status == 403
    return refusal.detail


def events(env: CommandEnv, kind: str) -> list[tuple[Any, ...]]:
    return env.rows("SELECT actor, vehicle_id, body FROM entry WHERE kind = :kind", kind=kind)


def test_a_reason_is_judged_by_the_call_that_queues_and_does_not_burn_the_code(env: CommandEnv) -> None:
    policy(env, reason_required=True)
    confirming, code = env.first_step("disable_ignition")

    assert blocked(env, code) == BLOCKED.format("reason required")
    assert blocked(env, code, reason="because") == BLOCKED.format("reason required")
    assert env.row(confirming).state is State.CONFIRMING

    queued = not_none(env.ask("disable_ignition", code, reason="missing; since noon", case_number="DP 12/3").waiting)
    assert (queued.reason, queued.case_number) == ("missing; since noon", "DP 12/3")
    assert env.intent(queued) is not None


def test_the_reason_of_the_first_step_counts_where_the_second_has_none(env: CommandEnv) -> None:
    policy(env, reason_required=True)

    queued = not_none(env.ask("disable_ignition", env.first_step("disable_ignition", reason="missing")[1]).waiting)
    assert queued.reason == "missing"


def test_the_reason_of_the_call_that_queues_goes_before_that_of_the_first_step(env: CommandEnv) -> None:
    code = env.first_step("disable_ignition", reason="missing", case_number="1")[1]

    queued = not_none(env.ask("disable_ignition", code, reason="unauthorised use").waiting)
    assert (queued.reason, queued.case_number) == ("unauthorised use", "1")


def test_the_reason_is_in_the_audit_log(env: CommandEnv) -> None:
    queued = env.register("disable_ignition", reason="missing", case_number="7")

    told = env.rows("SELECT body FROM entry WHERE command_id = :id AND kind = 'command.Queued'", id=queued.id)
    assert '"reason":"missing"' in told[0][0]
    assert '"case":"7"' in told[0][0]


def test_vehicle_is_not_immobilised_before_somebody_was_told(env: CommandEnv) -> None:
    policy(env, notify_first=True)

    assert blocked(env) == BLOCKED.format("no notice to the end user on record")
    env.do(immobilisation.add_notice, env.names.company, env.names.vehicle, "phone", NOW, None, "operator:test")
    assert env.intent(env.register("disable_ignition")) is not None


def test_vehicle_is_not_immobilised_before_its_position_is_known(env: CommandEnv) -> None:
    policy(env, locate_within=10.0)
    assert blocked(env) == BLOCKED.format("no recent position on record")

    env.execute("location", data={"latitude": -23.5, "longitude": -46.6})
    env.clock.advance(600)
    queued = env.register("disable_ignition")
    env.clock.advance(1)

    assert env.intent(queued) is None
    assert env.row(queued).state is State.REFUSED
    assert blocked(env) == BLOCKED.format("no recent position on record")


@pytest.mark.parametrize("place", [{}, {"company": "first"}, {"company": "first", "account": "main"}])
def test_a_kill_switch_stops_what_is_asked_for_and_what_is_queued(env: CommandEnv, place: dict[str, str]) -> None:
    queued = env.register("disable_ignition")
    env.administer("switch throw", reach="disable", reason="recall", **place)

    assert env.intent(queued) is None
    assert env.row(queued).state is State.REFUSED
    assert env.row(queued).detail == f'"{BLOCKED.format("stopped by a kill switch")}"'
    assert blocked(env) == BLOCKED.format("stopped by a kill switch")
    assert env.intent(env.register("start")) is not None

    env.administer("switch release", reach="disable", **place)
    env.first_step("disable_ignition")


def test_a_switch_over_another_company_stops_nothing_here(env: CommandEnv) -> None:
    env.administer("switch throw", reach="actuating", reason="recall", company="second")
    env.administer("switch throw", reach="restoring", reason="recall", company="second", account="main")

    assert env.intent(env.register("disable_ignition")) is not None


def test_a_restoring_command_is_stopped_by_the_switch_that_names_it_only(env: CommandEnv) -> None:
    env.execute("disable_ignition")
    env.administer("switch throw", reach="actuating", reason="recall")
    queued = env.register("enable_ignition")
    env.administer("switch throw", reach="restoring", reason="court order")

    assert env.intent(queued) is None
    assert env.row(queued).state is State.REFUSED
    assert blocked(env, command="enable_ignition") == BLOCKED.format("stopped by a kill switch")

    env.administer("switch release", reach="restoring")
    assert env.intent(env.register("enable_ignition")) is not None


def test_one_disable_beyond_the_limit_of_an_actor_stops_that_actor(env: CommandEnv) -> None:
    policy(env, disables_per_actor_hour=1)
    env.execute("disable_ignition")
    code = env.first_step("disable_ignition")[1]

    assert blocked(env, code) == BLOCKED.format("limit of disables reached")
    assert blocked(env) == BLOCKED.format("limit of disables reached")
    ((actor, vehicle, body),) = events(env, "limit.tripped")
    assert (actor, vehicle) == (env.names.application, env.names.vehicle)
    assert '"rule":"disables_per_actor_hour"' in body
    assert f'"vin":"{VIN}"' in body

    colleague = env.names.colleague
    assert env.ask("disable_ignition", application_id=colleague).answer is not None
    assert env.intent(env.register("enable_ignition")) is not None


def test_a_limit_holds_until_an_operator_lifts_it(env: CommandEnv) -> None:
    policy(env, disables_per_company_day=1)
    env.execute("disable_ignition")
    code = env.first_step("disable_ignition", application_id=env.names.colleague)[1]
    assert blocked(env, code, application_id=env.names.colleague) == BLOCKED.format("limit of disables reached")
    env.clock.advance(2 * 86_400)
    assert blocked(env) == BLOCKED.format("limit of disables reached")

    env.administer("limit lift", company="first")

    env.first_step("disable_ignition")
    assert len(events(env, "limit.lifted")) == 1


def test_what_was_counted_before_a_limit_was_lifted_counts_no_more(env: CommandEnv) -> None:
    policy(env, disables_per_actor_hour=1)
    env.execute("disable_ignition")
    blocked(env, env.first_step("disable_ignition")[1])
    env.administer("limit lift", company="first", application="erp")

    env.clock.advance(1)
    env.execute("disable_ignition")

    blocked(env, env.first_step("disable_ignition")[1])
    assert len(events(env, "limit.tripped")) == 2


def test_wrong_codes_reach_no_limit(env: CommandEnv) -> None:
    policy(env, disables_per_actor_hour=1)
    env.execute("disable_ignition")
    env.first_step("disable_ignition")

    assert env.refused("disable_ignition", "12345x").detail == "Confirmation invalid"
    assert not events(env, "limit.tripped")


def test_a_share_of_the_fleet_is_held_at_most_and_one_vehicle_always(env: CommandEnv) -> None:
    other = env.do(add_vehicle, "9KTPARKED00000002")
    policy(env, fleet_share=50.0)

    held = not_none(env.ask("disable_ignition", env.first_step("disable_ignition")[1]).waiting)
    code = env.first_step("disable_ignition", vin=other["vin"])[1]
    assert blocked(env, code, vin=other["vin"]) == BLOCKED.format("limit of disables reached")

    env.respond(not_none(env.intent(held)), OutcomeKind.FAILED)
    env.administer("limit lift", company="first")
    assert env.ask("disable_ignition", code, vin=other["vin"]).waiting is not None


def test_the_fleet_is_what_was_seen_in_the_last_thirty_days(env: CommandEnv) -> None:
    policy(env, fleet_share=50.0)
    others = [env.do(add_vehicle, f"9KTPARKED0000000{number}") for number in (10, 11, 12, 13)]
    for days, vehicle in zip((1, 29, 31, 90), others, strict=True):
        env.do(evidence.save, vehicle["id"], Evidence(ReportedState(last_contact=after(NOW, -86_400.0 * days))))
    env.execute("disable_ignition")

    code = env.first_step("disable_ignition", vin=others[0]["vin"])[1]

    assert blocked(env, code, vin=others[0]["vin"]) == BLOCKED.format("limit of disables reached")
    assert '"allowed":1,"counted":1' in events(env, "limit.tripped")[0][2]

    env.do(evidence.save, others[2]["id"], Evidence(ReportedState(last_contact=NOW)))
    env.administer("limit lift", company="first")
    assert env.ask("disable_ignition", code, vin=others[0]["vin"]).waiting is not None


def test_a_second_person_is_waited_for(env: CommandEnv) -> None:
    policy(env, second_person=True)
    code = env.first_step("disable_ignition")[1]

    answer = not_none(env.ask("disable_ignition", code).answer)
    awaiting = env.row(str(answer.body["id"]))

    assert (answer.http_status, answer.body["status"]) == (200, "Pending")
    assert (awaiting.state, awaiting.approve_by, awaiting.lane_number) == (
        State.AWAITING_APPROVAL,
        after(NOW, 900),
        None,
    )
    assert not_none(env.ask("disable_ignition").answer).body["id"] == awaiting.id
    assert env.intent(awaiting) is None


@pytest.mark.parametrize(("waited", "state"), [(899.0, State.AWAITING_APPROVAL), (900.0, State.EXPIRED)])
def test_what_nobody_approves_expires_after_a_quarter_of_an_hour(env: CommandEnv, waited: float, state: State) -> None:
    policy(env, second_person=True)
    awaiting = env.register("disable_ignition")
    env.clock.advance(waited)
    env.lapse(awaiting)

    assert env.row(awaiting).state is state
    if state is State.EXPIRED:
        assert env.row(awaiting).detail == f'"{NOT_APPROVED}"'


def test_enabling_never_waits_for_an_approval_and_supersedes_what_does(env: CommandEnv) -> None:
    env.execute("disable_ignition")
    policy(env, second_person=True)
    awaiting = env.register("disable_ignition")

    queued = env.register("enable_ignition")

    assert queued.state is State.QUEUED
    assert env.row(awaiting).state is State.CANCELLED
    assert env.intent(queued) is not None


def test_each_enable_supersedes_the_disable_that_waits_before_it(env: CommandEnv) -> None:
    env.execute("disable_ignition")
    policy(env, second_person=True)
    first, enable = env.register("disable_ignition"), env.register("enable_ignition")
    second = env.register("disable_ignition")

    again = env.register("enable_ignition")

    assert [env.row(each).state for each in (first, second)] == [State.CANCELLED, State.CANCELLED]
    assert (env.row(enable).state, again.state) == (State.QUEUED, State.QUEUED)
    assert again.id != enable.id


def test_what_was_queued_before_the_second_person_was_asked_for_is_not_sent(env: CommandEnv) -> None:
    queued = env.register("disable_ignition")
    policy(env, second_person=True)

    assert env.intent(queued) is None
    assert env.row(queued).detail == f'"{BLOCKED.format("approval required")}"'


def test_a_policy_is_stored_by_versions_and_told(env: CommandEnv) -> None:
    policy(env, reason_required=True, fleet_share=5.0)
    policy(env, fleet_share=10.0)

    assert env.rows("SELECT version, made_by FROM policy ORDER BY version") == [
        (1, "operator:test"),
        (2, "operator:test"),
    ]
    assert (len(events(env, "policy.tightened")), len(events(env, "policy.loosened"))) == (1, 1)
