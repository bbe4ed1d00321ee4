"""Confirmation codes: bound, counted, short-lived, and nowhere in clear."""

import pytest

from keyturn.clock import after
from keyturn.commands.confirmation import expired
from keyturn.commands.intake import end_confirmation
from keyturn.commands.record import Command
from keyturn.commands.states import State

from .codes import INVALID, issue, redeem
from .installation import NOW, OTHERS_VIN, add_vehicle
from .yard import Yard

TWIN = "9KTTW1N0000000001"
NOT_SIX_DIGITS: list[object] = [
    *(123456, 0, True, 1.5, [], {}, ["123456"]),
    *("", "12345", "1234567", "12345a", " 12345", "123456 ", "+12345", "１２３４５６"),
]


def test_a_right_code_queues_the_record_that_it_confirmed(yard: Yard) -> None:
    confirming = issue(yard, "559289")
    yard.clock.advance(7)

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
    yard.clock.advance(300)
    assert redeem(yard, "123456") == INVALID

    issue(yard, "654321")
    yard.clock.advance(299.999999)
    assert isinstance(redeem(yard, "654321"), Command)


def test_a_life_that_is_over_shows_in_the_record(yard: Yard) -> None:
    confirming = issue(yard, "123456")
    yard.clock.advance(299.999999)
    assert yard.see(expired, 10) == []
    yard.clock.advance(0.000001)
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
    yard.clock.advance(300)

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
