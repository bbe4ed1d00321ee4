"""A code leads to one dispatch and says so for a day; the first step tells the user what it would do."""

import pytest

from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from tests.support.command_env import PARKED, CommandEnv, not_none

from .codes import INVALID, USED, issue, redeem


def test_a_redeemed_code_says_so_for_24_hours(env: CommandEnv) -> None:
    issue(env, "123456")
    redeem(env, "123456")
    assert redeem(env, "123456") == USED

    env.clock.advance(86_399)
    assert redeem(env, "123456") == USED
    env.clock.advance(1)
    assert redeem(env, "123456") == INVALID


def test_saying_so_costs_the_open_code_no_try(env: CommandEnv) -> None:
    issue(env, "123456")
    finish(env, redeem(env, "123456"))
    issue(env, "654321")

    assert [redeem(env, "123456") for _ in range(6)] == [USED] * 6
    assert isinstance(redeem(env, "654321"), Command)


def finish(env: CommandEnv, queued: Command | tuple[int, str]) -> None:
    """Out of flight, so that the next first call is not coalesced."""
    assert isinstance(queued, Command)
    env.clock.advance(120)
    env.lapse(queued)


def test_a_new_code_never_equals_one_redeemed_in_the_last_24_hours(env: CommandEnv) -> None:
    issue(env, "123456")
    finish(env, redeem(env, "123456"))
    env.codes_to_come = ["123456", "123456", "654321"]

    assert env.first_step("enable_ignition")[1] == "654321"


def test_redeemed_code_may_be_drawn_again_and_the_open_one_is_compared_first(env: CommandEnv) -> None:
    issue(env, "123456")
    finish(env, redeem(env, "123456"))
    env.clock.advance(86_400)
    issue(env, "123456")

    assert isinstance(redeem(env, "123456"), Command)
    assert redeem(env, "123456") == USED


def test_redeemed_code_is_burnt_whatever_follows(env: CommandEnv) -> None:
    env.report({**PARKED, "speed": 40.0})
    confirming = issue(env, "123456", "disable_ignition")

    answer = not_none(env.ask("disable_ignition", "123456").answer)

    assert (answer.http_status, env.row(confirming).state) == (409, State.REFUSED)
    assert env.refused("disable_ignition", "123456").detail == "Confirmation already used"


def test_two_redemptions_lead_to_one_dispatch(env: CommandEnv) -> None:
    issue(env, "123456")

    assert isinstance(redeem(env, "123456"), Command)
    assert redeem(env, "123456") == USED
    assert env.rows("SELECT count(*) FROM open_command") == [(1,)]


@pytest.mark.parametrize("command", ["disable_ignition", "enable_ignition"])
def test_the_message_names_the_vehicle_and_the_consequence(env: CommandEnv, command: str) -> None:
    env.report(PARKED)

    body = not_none(env.ask(command).answer).body

    assert "9KTPARKED00000001" in str(body["message"])
    consequence = "não poderá ser ligado novamente" if command == "disable_ignition" else "poderá ser ligado novamente"
    assert consequence in str(body["message"])


@pytest.mark.parametrize(("reachable", "said"), [(True, False), (False, True), (None, True)])
def test_the_message_of_enable_says_that_the_vehicle_cannot_be_reached(
    env: CommandEnv, reachable: bool | None, said: bool
) -> None:
    env.report(reachable=reachable, age=0 if reachable is not None else 300)

    body = not_none(env.ask("enable_ignition").answer).body

    assert ("não está acessível" in str(body["message"])) is said


def test_the_first_step_waits_for_no_state_and_asks_for_one(env: CommandEnv) -> None:
    env.report({"speed": 40.0})

    submitted = env.ask("disable_ignition")

    assert not_none(submitted.answer).body["status"] == "Confirmation"
    assert submitted.confirming_vehicle == env.names.vehicle
