"""The intent: judged again from the store, durable before anything is sent, bounded in time."""

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands.execution.intent import write_intent
from keyturn.commands.model.states import State
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW, VIN

IMMOBILISED = "Command blocked by policy: vehicle is immobilised."
NO_CONSENT = "Command blocked by policy: no consent of the end user on record."
NO_LONGER = "Command blocked by policy: no longer permitted."


def test_intent_bounds_the_sending_and_the_answer(env: CommandEnv) -> None:
    sent = env.send("start")

    assert (sent.state, sent.sent_at) == (State.DISPATCHING, NOW)
    assert (sent.send_by, sent.answer_deadline) == (after(NOW, 5), after(NOW, 300))
    assert sent.may_have_executed


def test_send_by_is_never_after_the_send_deadline(env: CommandEnv) -> None:
    queued = env.register("start")
    env.clock.advance(58)

    assert not_none(env.intent(queued)).send_by == queued.send_deadline == after(NOW, 60)


@pytest.mark.parametrize(("waited", "state"), [(59.999, State.DISPATCHING), (60, State.EXPIRED)])
def test_command_is_not_sent_after_its_deadline(env: CommandEnv, waited: float, state: State) -> None:
    queued = env.register("start")
    env.clock.advance(waited)

    env.intent(queued)

    assert env.row(queued).state is state


def test_what_expired_says_so_and_a_held_post_says_pending(env: CommandEnv) -> None:
    queued = env.register("start")
    env.clock.advance(60)

    assert env.intent(queued) is None

    expired = env.row(queued)
    assert (expired.detail, expired.post_code, expired.may_have_executed) == ('"Not sent in time."', 200, False)
    assert env.open_row(queued) is None


def test_only_what_is_queued_is_sent_and_once(env: CommandEnv) -> None:
    sent = env.send("start")

    assert env.intent(sent) is None
    assert env.do(write_intent, "unheard of", env.capabilities, env.rules) is None
    assert env.told(sent) == ["command.registered", "command.Dispatching"]


def test_evidence_that_turned_refuses(env: CommandEnv) -> None:
    queued = env.register("start")
    env.report({"hood_status": "open", "speed": 3})

    assert env.intent(queued) is None

    refused = env.row(queued)
    text = (
        "Precondition not met: The vehicle must not be moving. The vehicle must be turned off. The hood must be closed."
    )
    assert (refused.state, refused.detail, refused.cause) == (State.REFUSED, f'"{text}"', "vehicle_state")
    assert (refused.post_code, refused.post_detail) == (409, text)


def test_a_post_that_was_answered_does_not_hear_of_it(env: CommandEnv) -> None:
    queued = env.register("start")
    env.do(lambda tx: tx.run("UPDATE command SET post_code = 200"))
    env.report({"hood_status": "open"})

    env.intent(queued)

    assert env.row(queued).post_code == 200


def test_what_is_unknown_refuses_where_the_far_side_enforces_nothing(env: CommandEnv) -> None:
    env.behind(enforces_preconditions=False)
    queued = env.register("unlock_door")

    assert env.intent(queued) is None

    assert env.row(queued).post_detail == "Precondition not met: The vehicle must not be moving."


def test_a_lock_is_sent_whatever_is_unknown(env: CommandEnv) -> None:
    env.behind(enforces_preconditions=False)

    assert env.send("lock_door").state is State.DISPATCHING


@pytest.mark.parametrize("age", [15.0, 15.1])
def test_behind_a_relay_an_immobilisation_needs_what_was_just_seen(env: CommandEnv, age: float) -> None:
    env.behind(enforces_preconditions=False)
    env.report(PARKED)
    queued = env.register("disable_ignition")
    env.clock.advance(age)

    assert (env.intent(queued) is not None) is (age == 15.0)


def test_verdicts_with_values_and_ages_are_kept(env: CommandEnv) -> None:
    env.report({"speed": 0.0}, age=3)

    (kept,) = msgspec.json.decode(env.send("lock_door").verdicts or "")

    speed = kept["signals"]["speed"]
    assert (kept["number"], kept["verdict"]) == (1, "met")
    assert (speed["value"], speed["age"], speed["source"]) == (0.0, 3.0, "oem")


def test_the_verdicts_that_refused_are_kept_too(env: CommandEnv) -> None:
    queued = env.register("lock_door")
    env.report({"speed": 40.0})
    env.intent(queued)

    kept = msgspec.json.decode(env.row(queued).verdicts or "")

    assert (kept[0]["verdict"], kept[0]["signals"]["speed"]["value"]) == ("contradicted", 40.0)


@pytest.mark.parametrize("known", [True, False])
def test_what_was_known_before_the_sending_is_kept(env: CommandEnv, known: bool) -> None:
    env.report({"doors_locked": known})

    assert env.send("lock_door").known_before == ("true" if known else "false")


def test_rights_that_were_withdrawn_refuse(env: CommandEnv) -> None:
    queued = env.register("start")
    env.administer("application set", application=env.names.application, grants=["location"])

    assert env.intent(queued) is None

    refused = env.row(queued)
    assert (refused.state, refused.post_code, refused.post_detail) == (State.REFUSED, 403, NO_LONGER)
    assert (refused.detail, refused.cause) == (f'"{NO_LONGER}"', "policy")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("application set", {"application": "erp", "company": "first", "active": False}),
        ("company set", {"company": "first", "active": False}),
        ("vehicle set", {"vehicle": VIN, "plan": "location"}),
        ("vehicle set", {"vehicle": VIN, "capabilities": ["location"]}),
        ("vehicle set", {"vehicle": VIN, "active": False}),
        ("account set", {"account": "main", "company": "first", "active": False}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)
def test_intent_is_refused_by_a_changed_right_or_rule_of_checks_8_and_9(
    env: CommandEnv, operation: str, arguments: dict[str, object]
) -> None:
    queued = env.register("start")
    env.administer(operation, **arguments)

    env.intent(queued)

    assert env.row(queued).post_detail == NO_LONGER


def test_a_vehicle_that_became_someone_elses_is_not_immobilised(env: CommandEnv) -> None:
    env.report(PARKED)
    queued = env.register("disable_ignition")
    env.administer("vehicle set", vehicle=VIN, ownership="third_party")

    env.intent(queued)

    assert env.row(queued).post_detail == NO_LONGER


def test_consent_that_was_withdrawn_refuses(env: CommandEnv) -> None:
    env.report(PARKED)
    queued = env.register("disable_ignition")
    env.administer("vehicle set", vehicle=VIN, consent=None)

    env.intent(queued)

    assert (env.row(queued).post_code, env.row(queued).post_detail) == (403, NO_CONSENT)


def test_a_start_meets_the_immobilisation_that_a_reading_found(env: CommandEnv) -> None:
    queued = env.register("start")
    env.report({"ignition_disabled": True})

    env.intent(queued)

    assert (env.row(queued).post_code, env.row(queued).post_detail) == (403, IMMOBILISED)


@pytest.mark.parametrize("command", ["enable_ignition", "cancel_start", "cancel_alert"])
def test_restoring_command_is_not_held_back_by_a_changed_right(env: CommandEnv, command: str) -> None:
    queued = env.register(command)
    env.administer("application set", application=env.names.application, active=False)
    env.administer("vehicle set", vehicle=VIN, plan="location", consent=None, ownership="third_party")

    assert not_none(env.intent(queued)).state is State.DISPATCHING


def test_a_connector_that_is_not_set_up_any_more_sends_nothing(env: CommandEnv) -> None:
    queued = env.register("cancel_start")

    assert env.do(write_intent, queued.id, None, env.rules) is None

    assert env.row(queued).post_detail == NO_LONGER


def test_intent_is_not_written_while_another_has_the_lane_and_nothing_is_changed(env: CommandEnv) -> None:
    env.send("lock_door")
    waiting = env.register("alert")

    assert env.intent(waiting) is None
    assert env.row(waiting) == waiting
