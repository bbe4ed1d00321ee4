"""Row 10 as a table: each rule stops the act that it is for, and nothing else."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands.model.catalogue import COMMANDS, Kind
from keyturn.commands.rules.policy import (
    IMMOBILISED,
    KILL_SWITCH,
    LIMIT_REACHED,
    NO_CONSENT,
    NO_LONGER_PERMITTED,
    NOT_APPROVED,
    NOT_LOCATED,
    NOT_NOTIFIED,
    REASON_REQUIRED,
    RULES,
    PolicyInput,
    Stage,
    first_violation,
    load_policy_input,
)
from keyturn.tenants.policies import Policy
from tests.support.command_env import CommandEnv

NOW = 1_800_000_000_000_000
STRICT = Policy(second_person=True, reason_required=True, locate_within=10.0, notify_first=True)
RIGHT: dict[str, Any] = {
    "policy": STRICT,
    "reason": "missing",
    "located_at": NOW,
    "notified_at": NOW,
    "approved": True,
}
"""With everything on, a disable for which all is in order."""


def judged(command: str = "disable_ignition", moment: Stage = Stage.QUEUE, **facts: Any) -> str | None:
    return first_violation(PolicyInput(COMMANDS[command], NOW, **facts), moment)


@pytest.mark.parametrize("moment", Stage)
@pytest.mark.parametrize("command", COMMANDS)
def test_the_default_policy_stands_against_nothing(command: str, moment: Stage) -> None:
    assert judged(command, moment) is None


@pytest.mark.parametrize("moment", Stage)
def test_a_disable_for_which_all_is_in_order_passes_the_strictest_policy(moment: Stage) -> None:
    assert judged(moment=moment, **RIGHT) is None


@pytest.mark.parametrize(
    ("reach", "stopped"),
    [
        ("disable", {"disable_ignition"}),
        ("actuating", {"disable_ignition", "start", "alert", "lock_door", "unlock_door"}),
        ("restoring", {"enable_ignition", "cancel_start", "cancel_alert"}),
    ],
)
def test_a_kill_switch_stops_what_it_names_and_nothing_else(reach: str, stopped: set[str]) -> None:
    refused = {name for name in COMMANDS if judged(name, reaches=frozenset({reach})) == KILL_SWITCH}
    assert refused == stopped
    assert {name for name in COMMANDS if judged(name, Stage.SEND, reaches=frozenset({reach}))} == stopped


@pytest.mark.parametrize("moment", Stage)
def test_without_consent_nobody_is_immobilised(moment: Stage) -> None:
    assert judged(moment=moment, **RIGHT, consent=False) == NO_CONSENT
    assert judged("enable_ignition", moment, consent=False) is None


@pytest.mark.parametrize("moment", Stage)
def test_an_immobilised_vehicle_is_not_started(moment: Stage) -> None:
    assert judged("start", moment, immobilised=True) == IMMOBILISED
    assert judged("enable_ignition", moment, immobilised=True) is None


def test_a_limit_that_was_reached_stops_what_comes_after_it_and_not_what_was_counted() -> None:
    told = {moment: judged(moment=moment, **RIGHT, stopped=True) for moment in Stage}
    assert told == {
        Stage.ASK: LIMIT_REACHED,
        Stage.QUEUE: LIMIT_REACHED,
        Stage.APPROVE: None,
        Stage.SEND: None,
    }
    assert judged("enable_ignition", stopped=True) is None


@pytest.mark.parametrize("moment", Stage)
@pytest.mark.parametrize(
    ("located_at", "reason"),
    [(None, NOT_LOCATED), (after(NOW, -601.0), NOT_LOCATED), (after(NOW, -600.0), None), (NOW, None)],
)
def test_a_position_not_older_than_ten_minutes_is_on_record(
    located_at: int | None, reason: str | None, moment: Stage
) -> None:
    assert judged(moment=moment, **{**RIGHT, "located_at": located_at}) == reason


@pytest.mark.parametrize("moment", Stage)
@pytest.mark.parametrize(
    ("notified_at", "reason"),
    [(None, NOT_NOTIFIED), (after(NOW, -86_401.0), NOT_NOTIFIED), (after(NOW, -86_400.0), None), (NOW, None)],
)
def test_a_notice_to_the_end_user_not_older_than_a_day_is_on_record(
    notified_at: int | None, reason: str | None, moment: Stage
) -> None:
    assert judged(moment=moment, **{**RIGHT, "notified_at": notified_at}) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, REASON_REQUIRED),
        ("because", REASON_REQUIRED),
        ("; missing", REASON_REQUIRED),
        ("missing", None),
        ("Missing", None),
        ("suspicion of theft or robbery; last seen at the yard", None),
        ("unauthorised use", None),
    ],
)
def test_a_reason_is_one_of_the_situations_that_the_seeds_allow(said: str | None, reason: str | None) -> None:
    assert judged(**{**RIGHT, "reason": said}) == reason


@pytest.mark.parametrize("moment", [Stage.ASK, Stage.APPROVE, Stage.SEND])
def test_a_missing_reason_is_judged_only_by_the_call_that_queues(moment: Stage) -> None:
    assert judged(moment=moment, **{**RIGHT, "reason": None}) is None


def test_a_disable_that_nobody_approved_is_not_sent_where_a_second_person_is_asked_for() -> None:
    told = {moment: judged(moment=moment, **{**RIGHT, "approved": False}) for moment in Stage}
    assert told == {Stage.ASK: None, Stage.QUEUE: None, Stage.APPROVE: None, Stage.SEND: NOT_APPROVED}


@pytest.mark.parametrize("moment", Stage)
def test_restoring_command_is_stopped_by_no_rule_but_the_switch_that_names_it(moment: Stage) -> None:
    against = {
        "reaches": frozenset({"disable", "actuating"}),
        "consent": False,
        "immobilised": True,
        "policy": STRICT,
        "stopped": True,
    }
    for name in ("enable_ignition", "cancel_start", "cancel_alert"):
        assert judged(name, moment, **against) is None
        assert judged(name, moment, **{**against, "reaches": frozenset({"restoring"})}) == KILL_SWITCH


def test_the_first_rule_that_stands_is_the_one_that_is_told() -> None:
    against: dict[str, Any] = {"policy": STRICT, "consent": False, "stopped": True, "reaches": frozenset({"disable"})}
    told = []
    for mended in (
        {},
        {"reaches": frozenset[str]()},
        {"consent": True},
        {"stopped": False},
        {"located_at": NOW},
        {"notified_at": NOW},
        {"reason": "missing"},
    ):
        against |= mended
        told.append(judged(**against))
    assert told == [KILL_SWITCH, NO_CONSENT, LIMIT_REACHED, NOT_LOCATED, NOT_NOTIFIED, REASON_REQUIRED, None]
    assert len({rule.reason for rule in RULES}) == len(RULES)


def test_each_reason_is_told_in_these_words() -> None:
    """They are part of the public text of a refusal, and callers compare them."""
    assert [rule.reason for rule in RULES] == [
        "stopped by a kill switch",
        "no longer permitted",
        "no consent of the end user on record",
        "vehicle is immobilised",
        "limit of disables reached",
        "no recent position on record",
        "no notice to the end user on record",
        "reason required",
        "approval required",
    ]
    assert NO_LONGER_PERMITTED == "no longer permitted"


def test_what_nobody_said_anything_of_is_not_approved() -> None:
    facts = PolicyInput(COMMANDS["disable_ignition"], NOW, policy=Policy(second_person=True))

    assert first_violation(facts, Stage.SEND) == NOT_APPROVED


@pytest.mark.parametrize("command", ["location", "start", "enable_ignition", "disable_ignition"])
def test_rules_are_judged_by_the_time_of_their_transaction_and_the_word_of_the_caller(
    env: CommandEnv, command: str
) -> None:
    vehicle, spec = env.vehicle(), COMMANDS[command]

    facts = env.see(load_policy_input, vehicle, spec, env.names.application, reason="missing", approved=True)

    assert (facts.spec, facts.now) == (spec, env.clock.now())
    of_a_disable = command == "disable_ignition"
    assert (facts.approved, facts.reason) == ((True, "missing") if of_a_disable else (False, None))


def test_a_vehicle_that_may_be_immobilised_is_not_started(env: CommandEnv) -> None:
    vehicle, start = env.vehicle(), COMMANDS["start"]
    assert not env.see(load_policy_input, vehicle, start, env.names.application).immobilised

    env.report({"ignition_disabled": True})

    facts = env.see(load_policy_input, vehicle, start, env.names.application)
    assert first_violation(facts, Stage.QUEUE) == IMMOBILISED


@pytest.mark.parametrize("moment", Stage)
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_acts_on_a_vehicle_that_may_be_another_car_and_everything_else_goes_on(
    command: str, moment: Stage
) -> None:
    acts = COMMANDS[command].kind is Kind.ACTUATING
    assert judged(command, moment, doubted=True) == (NO_LONGER_PERMITTED if acts else None)
