"""Closing the record of a vehicle that may stand still takes two; the vehicle keeps counting, and its way back."""

from typing import Any

import pytest

from keyturn.admin import change_execution
from keyturn.admin.operation import Answer
from keyturn.admin.operators import load
from keyturn.auth import passwords
from keyturn.auth.principal import Operator
from keyturn.commands.rules.policy import LIMIT_REACHED
from keyturn.connectors.responses import OutcomeKind
from keyturn.errors import OperationError
from keyturn.operations import OPERATIONS, perform
from keyturn.store.port import Tx
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import INSTALLATION, KEYRING, VIN, add_vehicle

from .immobilising import DISABLE, ENABLE, entries, order, says_enabled, state

NOTICE = 600.0
SECOND_VIN = "9KTFLEET000000001"


@pytest.fixture(autouse=True)
def reachable(env: CommandEnv) -> None:
    env.report(PARKED)


def admin(env: CommandEnv, **of: str) -> Operator:
    """An admin in charge, alone, who signed in with a second factor."""
    given = {"name": "ana", "email": "ana@example.com", "role": "admin", "password": passwords.DUMMY_HASH}
    env.administer("operator add", **given, **of)
    ((operator_id,),) = env.rows("SELECT id FROM operator")
    return not_none(env.see(load, operator_id, second_factor=True))


def ordered(env: CommandEnv, name: str, by: Operator | None, /, **arguments: Any) -> Answer:
    return env.do(perform, KEYRING, INSTALLATION, name, arguments, "operator:local", OPERATIONS, by)


def refused(env: CommandEnv, name: str, by: Operator | None, /, **arguments: Any) -> str:
    with pytest.raises(OperationError) as error:
        ordered(env, name, by, **arguments)
    return error.value.code


def notice_passes(env: CommandEnv) -> None:
    env.clock.advance(NOTICE)
    env.run(change_execution.apply_due(env.store, KEYRING, INSTALLATION, OPERATIONS))


def held(env: CommandEnv) -> list[int]:
    return [flag for (flag,) in env.rows("SELECT held FROM immobilisation ORDER BY id")]


def listed(env: CommandEnv) -> list[tuple[str, str]]:
    return [(shown["vin"], shown["state"]) for shown in order(env, "immobilisation list")["immobilisations"]]


CLOSE = {"vehicle": VIN, "reason": "tidy"}


@pytest.mark.parametrize("reported", [None, True], ids=["no report since", "reported disabled"])
def test_closing_it_while_the_vehicle_may_stand_still_waits(env: CommandEnv, reported: bool | None) -> None:
    env.execute(DISABLE)
    env.clock.advance(5)
    if reported is not None:
        env.report({"ignition_disabled": reported})
    ana = admin(env)

    assert refused(env, "immobilisation close", None, **CLOSE) == "sign_in_required"
    assert ordered(env, "immobilisation close", ana, **CLOSE)["state"] == "pending"
    assert state(env) == "confirmed"
    notice_passes(env)

    assert (state(env), held(env), listed(env)) == (None, [1], [(VIN, "held")])
    ((actor, told),) = entries(env, "immobilisation.closed")
    assert (actor, told["reason"], told["held"]) == (f"operator:{ana.id}", "tidy", True)


@pytest.mark.parametrize(
    "verdict", [None, OutcomeKind.IN_PROGRESS, OutcomeKind.UNCLEAR], ids=["sent", "accepted", "lost"]
)
def test_closing_it_by_force_waits_too_whatever_a_report_says_meanwhile(
    env: CommandEnv, verdict: OutcomeKind | None
) -> None:
    sent = env.send(DISABLE)
    if verdict is not None:
        env.respond(sent, verdict)
    env.clock.advance(5)
    says_enabled(env)
    ana = admin(env)

    assert refused(env, "immobilisation close", None, **CLOSE, force=True) == "sign_in_required"
    assert ordered(env, "immobilisation close", ana, **CLOSE, force=True)["state"] == "pending"


def test_a_report_of_a_moment_at_which_a_lost_disable_could_act_yet_shows_nothing(env: CommandEnv) -> None:
    """The vehicle may have done it since, whatever time has passed."""
    env.lose(DISABLE)
    env.clock.advance(5)
    says_enabled(env)
    env.clock.advance(601)
    admin(env)

    assert refused(env, "immobilisation close", None, **CLOSE) == "sign_in_required"
    assert order(env, "immobilisation list")["immobilisations"][0]["state"] == "possible"


def test_unheld_record_that_a_report_contradicts_is_closed_as_before(env: CommandEnv) -> None:
    says_enabled(env)
    env.do(_stands, env.names.company, env.names.vehicle)
    admin(env)

    assert ordered(env, "immobilisation close", None, **CLOSE)["held"] is False

    assert (held(env), listed(env)) == ([0], [])


def _stands(tx: Tx, company: str, vehicle: str) -> None:
    """A record of no command that is left."""
    sql = """INSERT INTO immobilisation (company_id, vehicle_id, opened_by, state, opened_at)
    VALUES (:company, :vehicle, 'disable', 'possible', 1)"""
    tx.run(sql, company=company, vehicle=vehicle)


@pytest.fixture
def put_aside(env: CommandEnv) -> CommandEnv:
    """A vehicle that stands still, whose record was closed."""
    env.execute(DISABLE)
    assert order(env, "immobilisation close", **CLOSE)["held"] is True
    return env


@pytest.mark.parametrize(
    "changes",
    [{"active": False}, {"external_id": "another"}, {"capabilities": ["start"]}],
    ids=lambda each: next(iter(each)),
)
def test_a_vehicle_that_is_held_keeps_its_way_back(put_aside: CommandEnv, changes: dict[str, Any]) -> None:
    assert refused(put_aside, "vehicle set", None, vehicle=VIN, **changes) == "immobilised"
    assert refused(put_aside, "account set", None, account="main", company="first", active=False) == "immobilised"


def test_a_vehicle_that_is_held_is_enabled_whatever_its_plan_and_then_let_go(put_aside: CommandEnv) -> None:
    put_aside.administer("vehicle set", vehicle=VIN, plan="location", ownership="third_party")
    assert put_aside.refused("start").http_status == 404

    put_aside.clock.advance(1)
    enabled = put_aside.execute(ENABLE)

    assert (held(put_aside), listed(put_aside)) == ([0], [])
    assert [told["let_go_by"] for _actor, told in entries(put_aside, "immobilisation.let_go")] == [enabled.id]
    put_aside.administer("vehicle set", vehicle=VIN, active=False)


def test_a_vehicle_that_is_held_is_not_started(put_aside: CommandEnv) -> None:
    assert put_aside.refused("start").detail == "Command blocked by policy: vehicle is immobilised."


def test_a_report_that_says_enabled_lets_it_go(put_aside: CommandEnv) -> None:
    put_aside.clock.advance(1)
    says_enabled(put_aside)

    assert (held(put_aside), listed(put_aside)) == ([0], [])
    assert [told["let_go_by"] for _actor, told in entries(put_aside, "immobilisation.let_go")] == ["report"]


def test_a_disable_that_proves_not_done_lets_it_go(env: CommandEnv) -> None:
    sent = env.send(DISABLE)
    order(env, "immobilisation close", **CLOSE, force=True)
    assert held(env) == [1]

    env.respond(sent, OutcomeKind.FAILED)

    assert (held(env), listed(env)) == ([0], [])


def test_two_held_records_end_with_one_enable(put_aside: CommandEnv) -> None:
    put_aside.clock.advance(1)
    put_aside.execute(DISABLE)
    assert listed(put_aside) == [(VIN, "held"), (VIN, "confirmed")]
    put_aside.clock.advance(1)
    put_aside.execute(ENABLE)

    assert (state(put_aside), held(put_aside)) == (None, [0, 0])


def test_closing_records_frees_nothing_of_the_share_of_the_fleet(put_aside: CommandEnv) -> None:
    put_aside.do(add_vehicle, SECOND_VIN)
    put_aside.administer("policy set", company="first", fleet_share=50.0)
    code = put_aside.first_step(DISABLE, vin=SECOND_VIN)[1]

    refusal = put_aside.ask(DISABLE, code, vin=SECOND_VIN).refusal

    assert not_none(refusal).detail == f"Command blocked by policy: {LIMIT_REACHED}."


@pytest.mark.parametrize("of", [{}, {"company": "first"}], ids=["installation", "company"])
def test_an_enable_is_not_taken_back_from_the_shell(env: CommandEnv, of: dict[str, str]) -> None:
    """Over and over, that would keep a vehicle where it is; what acts is taken back by anybody at once."""
    ana = admin(env, **of)
    waiting, acting = env.register(ENABLE), env.register("start")

    assert refused(env, "command cancel", None, command=waiting.id) == "sign_in_required"
    assert ordered(env, "command cancel", ana, command=waiting.id)["state"] == "Cancelled"
    assert ordered(env, "command cancel", None, command=acting.id)["state"] == "Cancelled"


def test_enable_retry_is_not_cancelled_from_the_shell(env: CommandEnv) -> None:
    env.execute(DISABLE)
    ana = admin(env)
    ordered(env, "keep-enabling start", None, vehicle=VIN)

    assert refused(env, "keep-enabling cancel", None, vehicle=VIN) == "sign_in_required"
    assert ordered(env, "keep-enabling cancel", ana, vehicle=VIN)["cancelled"] is True
