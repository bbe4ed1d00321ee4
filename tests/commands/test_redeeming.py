"""A code leads to one dispatch and says so for a day; the first step tells the user what it would do."""

import pytest

from keyturn.commands.record import Command
from keyturn.commands.states import State

from .codes import INVALID, USED, issue, redeem
from .yard import PARKED, Yard, sure


def test_a_redeemed_code_says_so_for_24_hours(yard: Yard) -> None:
    issue(yard, "123456")
    redeem(yard, "123456")
    assert redeem(yard, "123456") == USED

    yard.clock.advance(86_399)
    assert redeem(yard, "123456") == USED
    yard.clock.advance(1)
    assert redeem(yard, "123456") == INVALID


def test_saying_so_costs_the_open_code_no_try(yard: Yard) -> None:
    issue(yard, "123456")
    finish(yard, redeem(yard, "123456"))
    issue(yard, "654321")

    assert [redeem(yard, "123456") for _ in range(6)] == [USED] * 6
    assert isinstance(redeem(yard, "654321"), Command)


def finish(yard: Yard, queued: Command | tuple[int, str]) -> None:
    """Out of flight, so that the next first call is not coalesced."""
    assert isinstance(queued, Command)
    yard.clock.advance(120)
    yard.lapse(queued)


def test_a_new_code_never_equals_one_redeemed_in_the_last_24_hours(yard: Yard) -> None:
    issue(yard, "123456")
    finish(yard, redeem(yard, "123456"))
    yard.codes_to_come = ["123456", "123456", "654321"]

    assert yard.first_step("enable_ignition")[1] == "654321"


def test_after_that_it_may_and_the_open_code_is_compared_first(yard: Yard) -> None:
    issue(yard, "123456")
    finish(yard, redeem(yard, "123456"))
    yard.clock.advance(86_400)
    issue(yard, "123456")

    assert isinstance(redeem(yard, "123456"), Command)
    assert redeem(yard, "123456") == USED


def test_it_is_burnt_whatever_follows(yard: Yard) -> None:
    yard.report({**PARKED, "speed": 40.0})
    confirming = issue(yard, "123456", "disable_ignition")

    answer = sure(yard.ask("disable_ignition", "123456").answer)

    assert (answer.http_status, yard.row(confirming).state) == (409, State.REFUSED)
    assert yard.refused("disable_ignition", "123456").detail == "Confirmation already used"


def test_two_redemptions_lead_to_one_dispatch(yard: Yard) -> None:
    issue(yard, "123456")

    assert isinstance(redeem(yard, "123456"), Command)
    assert redeem(yard, "123456") == USED
    assert yard.rows("SELECT count(*) FROM open_command") == [(1,)]


@pytest.mark.parametrize("command", ["disable_ignition", "enable_ignition"])
def test_the_message_names_the_vehicle_and_the_consequence(yard: Yard, command: str) -> None:
    yard.report(PARKED)

    body = sure(yard.ask(command).answer).body

    assert "9KTPARKED00000001" in str(body["message"])
    consequence = "não poderá ser ligado novamente" if command == "disable_ignition" else "poderá ser ligado novamente"
    assert consequence in str(body["message"])


@pytest.mark.parametrize(("reachable", "said"), [(True, False), (False, True), (None, True)])
def test_the_message_of_enable_says_that_the_vehicle_cannot_be_reached(
    yard: Yard, reachable: bool | None, said: bool
) -> None:
    yard.report(reachable=reachable, age=0 if reachable is not None else 300)

    body = sure(yard.ask("enable_ignition").answer).body

    assert ("não está acessível" in str(body["message"])) is said


def test_the_first_step_waits_for_no_state_and_asks_for_one(yard: Yard) -> None:
    yard.report({"speed": 40.0})

    submitted = yard.ask("disable_ignition")

    assert sure(submitted.answer).body["status"] == "Confirmation"
    assert submitted.confirming_vehicle == yard.names.vehicle
