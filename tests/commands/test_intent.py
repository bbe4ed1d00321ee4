"""The intent: judged again from the store, durable before anything is sent, bounded in time."""

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands.intent import write_intent
from keyturn.commands.states import State

from .installation import NOW, VIN
from .yard import PARKED, Yard, sure

IMMOBILISED = "Command blocked by policy: vehicle is immobilised."
NO_CONSENT = "Command blocked by policy: no consent of the end user on record."
NO_LONGER = "Command blocked by policy: no longer permitted."


def test_it_bounds_the_sending_and_the_answer(yard: Yard) -> None:
    sent = yard.send("start")

    assert (sent.state, sent.sent_at) == (State.DISPATCHING, NOW)
    assert (sent.send_by, sent.answer_deadline) == (after(NOW, 5), after(NOW, 300))
    assert sent.may_have_executed


def test_send_by_is_never_after_the_send_deadline(yard: Yard) -> None:
    queued = yard.register("start")
    yard.clock.advance(58)

    assert sure(yard.intent(queued)).send_by == queued.send_deadline == after(NOW, 60)


@pytest.mark.parametrize(("waited", "state"), [(59.999, State.DISPATCHING), (60, State.EXPIRED)])
def test_nothing_is_sent_after_its_deadline(yard: Yard, waited: float, state: State) -> None:
    queued = yard.register("start")
    yard.clock.advance(waited)

    yard.intent(queued)

    assert yard.row(queued).state is state


def test_what_expired_says_so_and_a_held_post_says_pending(yard: Yard) -> None:
    queued = yard.register("start")
    yard.clock.advance(60)

    assert yard.intent(queued) is None

    expired = yard.row(queued)
    assert (expired.detail, expired.post_code, expired.may_have_executed) == ('"Not sent in time."', 200, False)
    assert yard.open_row(queued) is None


def test_only_what_is_queued_is_sent_and_once(yard: Yard) -> None:
    sent = yard.send("start")

    assert yard.intent(sent) is None
    assert yard.do(write_intent, "unheard of", yard.declares, yard.rules) is None
    assert yard.told(sent) == ["command.registered", "command.Dispatching"]


def test_evidence_that_turned_refuses(yard: Yard) -> None:
    queued = yard.register("start")
    yard.report({"hood_status": "open", "speed": 3})

    assert yard.intent(queued) is None

    refused = yard.row(queued)
    text = (
        "Precondition not met: The vehicle must not be moving. The vehicle must be turned off. The hood must be closed."
    )
    assert (refused.state, refused.detail, refused.cause) == (State.REFUSED, f'"{text}"', "vehicle_state")
    assert (refused.post_code, refused.post_detail) == (409, text)


def test_a_post_that_was_answered_does_not_hear_of_it(yard: Yard) -> None:
    queued = yard.register("start")
    yard.do(lambda tx: tx.run("UPDATE command SET post_code = 200"))
    yard.report({"hood_status": "open"})

    yard.intent(queued)

    assert yard.row(queued).post_code == 200


def test_what_is_unknown_refuses_where_the_far_side_enforces_nothing(yard: Yard) -> None:
    yard.behind(enforces_preconditions=False)
    queued = yard.register("unlock_door")

    assert yard.intent(queued) is None

    assert yard.row(queued).post_detail == "Precondition not met: The vehicle must not be moving."


def test_a_lock_is_sent_whatever_is_unknown(yard: Yard) -> None:
    yard.behind(enforces_preconditions=False)

    assert yard.send("lock_door").state is State.DISPATCHING


@pytest.mark.parametrize("age", [15.0, 15.1])
def test_behind_a_relay_an_immobilisation_needs_what_was_just_seen(yard: Yard, age: float) -> None:
    yard.behind(enforces_preconditions=False)
    yard.report(PARKED)
    queued = yard.register("disable_ignition")
    yard.clock.advance(age)

    assert (yard.intent(queued) is not None) is (age == 15.0)


def test_verdicts_with_values_and_ages_are_kept(yard: Yard) -> None:
    yard.report({"speed": 0.0}, age=3)

    (kept,) = msgspec.json.decode(yard.send("lock_door").verdicts or "")

    speed = kept["signals"]["speed"]
    assert (kept["number"], kept["verdict"]) == (1, "met")
    assert (speed["value"], speed["age"], speed["source"]) == (0.0, 3.0, "oem")


def test_the_verdicts_that_refused_are_kept_too(yard: Yard) -> None:
    queued = yard.register("lock_door")
    yard.report({"speed": 40.0})
    yard.intent(queued)

    kept = msgspec.json.decode(yard.row(queued).verdicts or "")

    assert (kept[0]["verdict"], kept[0]["signals"]["speed"]["value"]) == ("contradicted", 40.0)


@pytest.mark.parametrize("known", [True, False])
def test_what_was_known_before_the_sending_is_kept(yard: Yard, known: bool) -> None:
    yard.report({"doors_locked": known})

    assert yard.send("lock_door").known_before == ("true" if known else "false")


def test_rights_that_were_withdrawn_refuse(yard: Yard) -> None:
    queued = yard.register("start")
    yard.administer("application set", application=yard.names.application, grants=["location"])

    assert yard.intent(queued) is None

    refused = yard.row(queued)
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
def test_whatever_of_rows_8_and_9_turned_refuses(yard: Yard, operation: str, arguments: dict[str, object]) -> None:
    queued = yard.register("start")
    yard.administer(operation, **arguments)

    yard.intent(queued)

    assert yard.row(queued).post_detail == NO_LONGER


def test_a_vehicle_that_became_someone_elses_is_not_immobilised(yard: Yard) -> None:
    yard.report(PARKED)
    queued = yard.register("disable_ignition")
    yard.administer("vehicle set", vehicle=VIN, ownership="third_party")

    yard.intent(queued)

    assert yard.row(queued).post_detail == NO_LONGER


def test_consent_that_was_withdrawn_refuses(yard: Yard) -> None:
    yard.report(PARKED)
    queued = yard.register("disable_ignition")
    yard.administer("vehicle set", vehicle=VIN, consent=None)

    yard.intent(queued)

    assert (yard.row(queued).post_code, yard.row(queued).post_detail) == (403, NO_CONSENT)


def test_a_start_meets_the_immobilisation_that_a_reading_found(yard: Yard) -> None:
    queued = yard.register("start")
    yard.report({"ignition_disabled": True})

    yard.intent(queued)

    assert (yard.row(queued).post_code, yard.row(queued).post_detail) == (403, IMMOBILISED)


@pytest.mark.parametrize("command", ["enable_ignition", "cancel_start", "cancel_alert"])
def test_no_right_that_turned_holds_a_restoring_command_back(yard: Yard, command: str) -> None:
    queued = yard.register(command)
    yard.administer("application set", application=yard.names.application, active=False)
    yard.administer("vehicle set", vehicle=VIN, plan="location", consent=None, ownership="third_party")

    assert sure(yard.intent(queued)).state is State.DISPATCHING


def test_a_connector_that_is_not_set_up_any_more_sends_nothing(yard: Yard) -> None:
    queued = yard.register("cancel_start")

    assert yard.do(write_intent, queued.id, None, yard.rules) is None

    assert yard.row(queued).post_detail == NO_LONGER


def test_no_intent_while_another_has_the_lane_and_nothing_is_changed(yard: Yard) -> None:
    yard.send("lock_door")
    waiting = yard.register("alert")

    assert yard.intent(waiting) is None
    assert yard.row(waiting) == waiting
