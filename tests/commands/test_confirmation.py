"""Confirmation codes: bound, counted, short-lived, used once, and nowhere in clear."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands.confirmation import expired
from keyturn.commands.intake import end_confirmation
from keyturn.commands.record import Command
from keyturn.commands.states import State

from .installation import NOW, OTHERS_VIN, add_vehicle
from .yard import PARKED, Yard, sure

TWIN = "9KTTW1N0000000001"
NOT_SIX_DIGITS: list[object] = [
    *(123456, 0, True, 1.5, [], {}, ["123456"]),
    *("", "12345", "1234567", "12345a", " 12345", "123456 ", "+12345", "１２３４５６"),
]
INVALID, USED = (400, "Confirmation invalid"), (409, "Confirmation already used")


def redeem(yard: Yard, code: object, command: str = "enable_ignition", **fields: Any) -> Command | tuple[int, str]:
    """The queued record, or why there is none."""
    submitted = yard.ask(command, code, **fields)
    if submitted.refusal is not None:
        return submitted.refusal.http_status, submitted.refusal.detail
    return sure(submitted.waiting)


def issue(yard: Yard, code: str, command: str = "enable_ignition", **fields: Any) -> Command:
    yard.codes_to_come.append(code)
    confirming, issued = yard.first_step(command, **fields)
    assert issued == code
    return confirming


def test_a_right_code_queues_the_record_that_it_confirmed(yard: Yard) -> None:
    confirming = issue(yard, "559289")
    yard.clock.move(7)

    queued = redeem(yard, "559289")

    assert isinstance(queued, Command)
    assert (queued.id, queued.state, queued.redeemed_at) == (confirming.id, State.QUEUED, after(NOW, 7))
    assert yard.told(queued) == ["command.registered", "command.Queued"]


@pytest.mark.parametrize("code", ["000000", "000042", "012345"])
def test_leading_zeros_belong_to_it(yard: Yard, code: str) -> None:
    issue(yard, code)

    assert redeem(yard, code.lstrip("0")) == INVALID
    assert isinstance(redeem(yard, code), Command)


def test_what_is_not_six_digits_is_invalid_and_not_counted(yard: Yard) -> None:
    issue(yard, "123456")

    assert {redeem(yard, code) for code in NOT_SIX_DIGITS} == {INVALID}

    assert isinstance(redeem(yard, "123456"), Command)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"command": "disable_ignition"},
        {"application_id": "colleague"},
        {"vin": TWIN},
        {"company_id": "other", "application_id": "other", "vin": OTHERS_VIN},
    ],
    ids=["command", "actor", "vehicle", "company"],
)
def test_it_belongs_to_company_actor_vehicle_and_command(yard: Yard, elsewhere: dict[str, str]) -> None:
    yard.do(add_vehicle, TWIN)
    ids = {
        ("application_id", "colleague"): yard.names.colleague,
        ("application_id", "other"): yard.names.other_application,
        ("company_id", "other"): yard.names.other_company,
    }
    fields = {key: ids.get((key, value), value) for key, value in elsewhere.items()}
    issue(yard, "123456")
    issue(yard, "654321", **fields)

    assert redeem(yard, "123456", **fields) == INVALID
    assert isinstance(redeem(yard, "123456"), Command)


def test_it_dies_with_the_fifth_wrong_try(yard: Yard) -> None:
    confirming = issue(yard, "123456")
    for _ in range(4):
        assert redeem(yard, "000001") == INVALID
    assert yard.row(confirming).state is State.CONFIRMING

    assert redeem(yard, "000001") == INVALID

    row = yard.row(confirming)
    assert (row.state, row.status, row.detail) == (State.CANCELLED, "Error", '"Confirmation invalid"')
    assert redeem(yard, "123456") == INVALID


def test_four_wrong_tries_leave_the_right_one(yard: Yard) -> None:
    issue(yard, "123456")
    for _ in range(4):
        redeem(yard, "000001")

    assert isinstance(redeem(yard, "123456"), Command)


def test_it_lives_until_the_instant_at_which_five_minutes_are_over(yard: Yard) -> None:
    issue(yard, "123456")
    yard.clock.move(300)
    assert redeem(yard, "123456") == INVALID

    issue(yard, "654321")
    yard.clock.move(299.999999)
    assert isinstance(redeem(yard, "654321"), Command)


def test_a_life_that_is_over_shows_in_the_record(yard: Yard) -> None:
    confirming = issue(yard, "123456")
    yard.clock.move(299.999999)
    assert yard.see(expired, 10) == []
    yard.clock.move(0.000001)
    assert yard.see(expired, 10) == [confirming.id]

    yard.do(end_confirmation, confirming.id, expired=True)

    row = yard.row(confirming)
    assert (row.state, row.status, row.detail) == (State.EXPIRED, "Error", '"Confirmation expired"')
    assert yard.see(expired, 10) == []


def test_a_new_first_call_replaces_it(yard: Yard) -> None:
    first = issue(yard, "123456")
    second = issue(yard, "654321")

    assert (yard.row(first).state, yard.row(first).detail) == (State.CANCELLED, '"Confirmation invalid"')
    assert redeem(yard, "123456") == INVALID
    queued = redeem(yard, "654321")
    assert isinstance(queued, Command)
    assert queued.id == second.id


def test_a_first_call_after_its_life_finds_it_expired_not_replaced(yard: Yard) -> None:
    first = issue(yard, "123456")
    yard.clock.move(300)

    issue(yard, "654321")

    assert (yard.row(first).state, yard.row(first).detail) == (State.EXPIRED, '"Confirmation expired"')


def test_a_new_code_has_five_tries_of_its_own(yard: Yard) -> None:
    issue(yard, "123456")
    for _ in range(4):
        redeem(yard, "000001")
    issue(yard, "654321")
    for _ in range(4):
        redeem(yard, "000001")

    assert isinstance(redeem(yard, "654321"), Command)


def test_a_redeemed_code_says_so_for_24_hours(yard: Yard) -> None:
    issue(yard, "123456")
    redeem(yard, "123456")
    assert redeem(yard, "123456") == USED

    yard.clock.move(86_399)
    assert redeem(yard, "123456") == USED
    yard.clock.move(1)
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
    yard.clock.move(120)
    yard.lapse(queued)


def test_a_new_code_never_equals_one_redeemed_in_the_last_24_hours(yard: Yard) -> None:
    issue(yard, "123456")
    finish(yard, redeem(yard, "123456"))
    yard.codes_to_come = ["123456", "123456", "654321"]

    assert yard.first_step("enable_ignition")[1] == "654321"


def test_after_that_it_may_and_the_open_code_is_compared_first(yard: Yard) -> None:
    issue(yard, "123456")
    finish(yard, redeem(yard, "123456"))
    yard.clock.move(86_400)
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


def test_every_wrong_try_is_an_audited_refusal(yard: Yard) -> None:
    issue(yard, "123456")
    redeem(yard, "777777")

    ((body,),) = yard.rows("SELECT body FROM entry WHERE kind = 'ignition.refused'")
    assert '"http_status":400,"detail":"Confirmation invalid"' in body
    assert "777777" not in body


def test_only_its_hmac_is_in_the_file(yard: Yard) -> None:
    issue(yard, "482915")
    issue(yard, "482916", application_id=yard.names.colleague)
    redeem(yard, "482914")
    redeem(yard, "482915")

    stored = b"".join(path.read_bytes() for path in yard.data.iterdir())
    assert not any(code in stored for code in (b"482914", b"482915", b"482916"))


def test_the_hmac_is_bound_to_all_that_the_code_belongs_to(yard: Yard) -> None:
    yard.do(add_vehicle, TWIN)
    issue(yard, "123456")
    issue(yard, "123456", "disable_ignition")
    issue(yard, "123456", application_id=yard.names.colleague)
    issue(yard, "123456", vin=TWIN)

    assert yard.rows("SELECT count(*), count(DISTINCT digest) FROM open_code") == [(4, 4)]


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
