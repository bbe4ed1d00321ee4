"""Confirmation codes: bound, counted, short-lived, and nowhere in clear."""

import pytest

from keyturn.clock import after
from keyturn.commands.admission.confirmation import end_confirmation, expired
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from tests.support.command_env import CommandEnv
from tests.support.enrolment import NOW, OTHERS_VIN, add_vehicle

from .codes import INVALID, issue, redeem

TWIN = "9KTTW1N0000000001"
NOT_SIX_DIGITS: list[object] = [
    *(123456, 0, True, 1.5, [], {}, ["123456"]),
    *("", "12345", "1234567", "12345a", " 12345", "123456 ", "+12345", "１２３４５６"),
]


def test_a_right_code_queues_the_record_that_it_confirmed(env: CommandEnv) -> None:
    confirming = issue(env, "559289")
    env.clock.advance(7)

    queued = redeem(env, "559289")

    assert isinstance(queued, Command)
    assert (queued.id, queued.state, queued.redeemed_at) == (confirming.id, State.QUEUED, after(NOW, 7))
    assert env.told(queued) == ["command.registered", "command.Queued"]


@pytest.mark.parametrize("code", ["000000", "000042", "012345"])
def test_leading_zeros_belong_to_it(env: CommandEnv, code: str) -> None:
    issue(env, code)

    assert redeem(env, code.lstrip("0")) == INVALID
    assert isinstance(redeem(env, code), Command)


def test_what_is_not_six_digits_is_invalid_and_not_counted(env: CommandEnv) -> None:
    issue(env, "123456")

    assert {redeem(env, code) for code in NOT_SIX_DIGITS} == {INVALID}

    assert isinstance(redeem(env, "123456"), Command)


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
def test_code_belongs_to_company_actor_vehicle_and_command(env: CommandEnv, elsewhere: dict[str, str]) -> None:
    env.do(add_vehicle, TWIN)
    ids = {
        ("application_id", "colleague"): env.names.colleague,
        ("application_id", "other"): env.names.other_application,
        ("company_id", "other"): env.names.other_company,
    }
    fields = {key: ids.get((key, value), value) for key, value in elsewhere.items()}
    issue(env, "123456")
    issue(env, "654321", **fields)

    assert redeem(env, "123456", **fields) == INVALID
    assert isinstance(redeem(env, "123456"), Command)


def test_code_dies_with_the_fifth_wrong_try(env: CommandEnv) -> None:
    confirming = issue(env, "123456")
    for _ in range(4):
        assert redeem(env, "000001") == INVALID
    assert env.row(confirming).state is State.CONFIRMING

    assert redeem(env, "000001") == INVALID

    row = env.row(confirming)
    assert (row.state, row.status, row.detail) == (State.CANCELLED, "Error", '"Confirmation invalid"')
    assert redeem(env, "123456") == INVALID


def test_four_wrong_tries_leave_the_right_one(env: CommandEnv) -> None:
    issue(env, "123456")
    for _ in range(4):
        redeem(env, "000001")

    assert isinstance(redeem(env, "123456"), Command)


def test_code_lives_until_the_instant_at_which_five_minutes_are_over(env: CommandEnv) -> None:
    issue(env, "123456")
    env.clock.advance(300)
    assert redeem(env, "123456") == INVALID

    issue(env, "654321")
    env.clock.advance(299.999999)
    assert isinstance(redeem(env, "654321"), Command)


def test_a_life_that_is_over_shows_in_the_record(env: CommandEnv) -> None:
    confirming = issue(env, "123456")
    env.clock.advance(299.999999)
    assert env.see(expired, 10) == []
    env.clock.advance(0.000001)
    assert env.see(expired, 10) == [confirming.id]

    env.do(end_confirmation, confirming.id, expired=True)

    row = env.row(confirming)
    assert (row.state, row.status, row.detail) == (State.EXPIRED, "Error", '"Confirmation expired"')
    assert env.see(expired, 10) == []


def test_a_new_first_call_replaces_it(env: CommandEnv) -> None:
    first = issue(env, "123456")
    second = issue(env, "654321")

    assert (env.row(first).state, env.row(first).detail) == (State.CANCELLED, '"Confirmation invalid"')
    assert redeem(env, "123456") == INVALID
    queued = redeem(env, "654321")
    assert isinstance(queued, Command)
    assert queued.id == second.id


def test_a_first_call_after_its_life_finds_it_expired_not_replaced(env: CommandEnv) -> None:
    first = issue(env, "123456")
    env.clock.advance(300)

    issue(env, "654321")

    assert (env.row(first).state, env.row(first).detail) == (State.EXPIRED, '"Confirmation expired"')


def test_a_new_code_has_five_tries_of_its_own(env: CommandEnv) -> None:
    issue(env, "123456")
    for _ in range(4):
        redeem(env, "000001")
    issue(env, "654321")
    for _ in range(4):
        redeem(env, "000001")

    assert isinstance(redeem(env, "654321"), Command)


def test_every_wrong_try_is_an_audited_refusal(env: CommandEnv) -> None:
    issue(env, "123456")
    redeem(env, "777777")

    ((body,),) = env.rows("SELECT body FROM entry WHERE kind = 'ignition.refused'")
    assert '"http_status":400,"detail":"Confirmation invalid"' in body
    assert "777777" not in body


def test_only_the_hmac_of_a_code_is_in_the_file(env: CommandEnv) -> None:
    issue(env, "482915")
    issue(env, "482916", application_id=env.names.colleague)
    redeem(env, "482914")
    redeem(env, "482915")

    stored = b"".join(path.read_bytes() for path in env.data.iterdir())
    assert not any(code in stored for code in (b"482914", b"482915", b"482916"))


def test_the_hmac_is_bound_to_all_that_the_code_belongs_to(env: CommandEnv) -> None:
    env.do(add_vehicle, TWIN)
    issue(env, "123456")
    issue(env, "123456", "disable_ignition")
    issue(env, "123456", application_id=env.names.colleague)
    issue(env, "123456", vin=TWIN)

    assert env.rows("SELECT count(*), count(DISTINCT digest) FROM open_code") == [(4, 4)]
