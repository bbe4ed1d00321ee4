"""Closing the record of a vehicle that may stand still takes two; the vehicle keeps counting, and its way back."""

from typing import Any

import pytest

from keyturn.commands import approvals, immobilisations
from keyturn.commands.policy import LIMIT_REACHED
from keyturn.connectors.port import Verdict
from keyturn.store.port import Tx
from keyturn.tenants import changes, passwords
from keyturn.tenants.administration import Answer, OperationError
from keyturn.tenants.operations import OPERATIONS, perform
from keyturn.tenants.operators import load
from keyturn.tenants.principal import Operator

from .immobilising import DISABLE, ENABLE, entries, order, says_enabled, state
from .installation import INSTALLATION, KEYRING, VIN, add_vehicle
from .yard import PARKED, Yard, sure

NOTICE = 600.0
SECOND_VIN = "9KTFLEET000000001"
EVERYTHING = (*OPERATIONS, *immobilisations.OPERATIONS, *approvals.operations())


@pytest.fixture(autouse=True)
def reachable(yard: Yard) -> None:
    yard.report(PARKED)


def admin(yard: Yard, **of: str) -> Operator:
    """An admin in charge, alone, who signed in with a second factor."""
    given = {"name": "ana", "email": "ana@example.com", "role": "admin", "password": passwords.STRANGER}
    yard.administer("operator add", **given, **of)
    ((operator_id,),) = yard.rows("SELECT id FROM operator")
    return sure(yard.see(load, operator_id, second_factor=True))


def ordered(yard: Yard, name: str, by: Operator | None, /, **arguments: Any) -> Answer:
    return yard.do(perform, KEYRING, INSTALLATION, name, arguments, "operator:local", EVERYTHING, by)


def refused(yard: Yard, name: str, by: Operator | None, /, **arguments: Any) -> str:
    with pytest.raises(OperationError) as error:
        ordered(yard, name, by, **arguments)
    return error.value.code


def notice_passes(yard: Yard) -> None:
    yard.clock.advance(NOTICE)
    yard.run(changes.apply_due(yard.store, KEYRING, INSTALLATION, EVERYTHING))


def held(yard: Yard) -> list[int]:
    return [flag for (flag,) in yard.rows("SELECT held FROM immobilisation ORDER BY id")]


def listed(yard: Yard) -> list[tuple[str, str]]:
    return [(shown["vin"], shown["state"]) for shown in order(yard, "immobilisation list")["immobilisations"]]


CLOSE = {"vehicle": VIN, "reason": "tidy"}


@pytest.mark.parametrize("reported", [None, True], ids=["no report since", "reported disabled"])
def test_closing_it_while_the_vehicle_may_stand_still_waits(yard: Yard, reported: bool | None) -> None:
    yard.execute(DISABLE)
    yard.clock.advance(5)
    if reported is not None:
        yard.report({"ignition_disabled": reported})
    ana = admin(yard)

    assert refused(yard, "immobilisation close", None, **CLOSE) == "sign_in_required"
    assert ordered(yard, "immobilisation close", ana, **CLOSE)["state"] == "pending"
    assert state(yard) == "confirmed"
    notice_passes(yard)

    assert (state(yard), held(yard), listed(yard)) == (None, [1], [(VIN, "held")])
    ((actor, told),) = entries(yard, "immobilisation.closed")
    assert (actor, told["reason"], told["held"]) == (f"operator:{ana.id}", "tidy", True)


@pytest.mark.parametrize("verdict", [None, Verdict.IN_PROGRESS, Verdict.UNCLEAR], ids=["sent", "accepted", "lost"])
def test_closing_it_by_force_waits_too_whatever_a_report_says_meanwhile(yard: Yard, verdict: Verdict | None) -> None:
    sent = yard.send(DISABLE)
    if verdict is not None:
        yard.hear(sent, verdict)
    yard.clock.advance(5)
    says_enabled(yard)
    ana = admin(yard)

    assert refused(yard, "immobilisation close", None, **CLOSE, force=True) == "sign_in_required"
    assert ordered(yard, "immobilisation close", ana, **CLOSE, force=True)["state"] == "pending"


def test_a_report_of_a_moment_at_which_a_lost_disable_could_act_yet_shows_nothing(yard: Yard) -> None:
    """The vehicle may have done it since, whatever time has passed."""
    yard.lose(DISABLE)
    yard.clock.advance(5)
    says_enabled(yard)
    yard.clock.advance(601)
    admin(yard)

    assert refused(yard, "immobilisation close", None, **CLOSE) == "sign_in_required"
    assert order(yard, "immobilisation list")["immobilisations"][0]["state"] == "possible"


def test_one_that_a_report_contradicts_is_closed_as_before(yard: Yard) -> None:
    says_enabled(yard)
    yard.do(_stands, yard.names.company, yard.names.vehicle)
    admin(yard)

    assert ordered(yard, "immobilisation close", None, **CLOSE)["held"] is False

    assert (held(yard), listed(yard)) == ([0], [])


def _stands(tx: Tx, company: str, vehicle: str) -> None:
    """A record of no command that is left."""
    sql = """INSERT INTO immobilisation (company_id, vehicle_id, opened_by, state, opened_at)
    VALUES (:company, :vehicle, 'disable', 'possible', 1)"""
    tx.run(sql, company=company, vehicle=vehicle)


@pytest.fixture
def put_aside(yard: Yard) -> Yard:
    """A vehicle that stands still, whose record was closed."""
    yard.execute(DISABLE)
    assert order(yard, "immobilisation close", **CLOSE)["held"] is True
    return yard


@pytest.mark.parametrize(
    "changes",
    [{"active": False}, {"external_id": "another"}, {"capabilities": ["start"]}],
    ids=lambda each: next(iter(each)),
)
def test_a_vehicle_that_is_held_keeps_its_way_back(put_aside: Yard, changes: dict[str, Any]) -> None:
    assert refused(put_aside, "vehicle set", None, vehicle=VIN, **changes) == "immobilised"
    assert refused(put_aside, "account set", None, account="main", company="first", active=False) == "immobilised"


def test_a_vehicle_that_is_held_is_enabled_whatever_its_plan_and_then_let_go(put_aside: Yard) -> None:
    put_aside.administer("vehicle set", vehicle=VIN, plan="location", ownership="third_party")
    assert put_aside.refused("start").http_status == 404

    put_aside.clock.advance(1)
    enabled = put_aside.execute(ENABLE)

    assert (held(put_aside), listed(put_aside)) == ([0], [])
    assert [told["let_go_by"] for _actor, told in entries(put_aside, "immobilisation.let_go")] == [enabled.id]
    put_aside.administer("vehicle set", vehicle=VIN, active=False)


def test_a_vehicle_that_is_held_is_not_started(put_aside: Yard) -> None:
    assert put_aside.refused("start").detail == "Command blocked by policy: vehicle is immobilised."


def test_a_report_that_says_enabled_lets_it_go(put_aside: Yard) -> None:
    put_aside.clock.advance(1)
    says_enabled(put_aside)

    assert (held(put_aside), listed(put_aside)) == ([0], [])
    assert [told["let_go_by"] for _actor, told in entries(put_aside, "immobilisation.let_go")] == ["report"]


def test_a_disable_that_proves_not_done_lets_it_go(yard: Yard) -> None:
    sent = yard.send(DISABLE)
    order(yard, "immobilisation close", **CLOSE, force=True)
    assert held(yard) == [1]

    yard.hear(sent, Verdict.FAILED)

    assert (held(yard), listed(yard)) == ([0], [])


def test_another_disable_and_one_enable_end_both(put_aside: Yard) -> None:
    put_aside.clock.advance(1)
    put_aside.execute(DISABLE)
    assert listed(put_aside) == [(VIN, "held"), (VIN, "confirmed")]
    put_aside.clock.advance(1)
    put_aside.execute(ENABLE)

    assert (state(put_aside), held(put_aside)) == (None, [0, 0])


def test_closing_records_frees_nothing_of_the_share_of_the_fleet(put_aside: Yard) -> None:
    put_aside.do(add_vehicle, SECOND_VIN)
    put_aside.administer("policy set", company="first", fleet_share=50.0)
    code = put_aside.first_step(DISABLE, vin=SECOND_VIN)[1]

    refusal = put_aside.ask(DISABLE, code, vin=SECOND_VIN).refusal

    assert sure(refusal).detail == f"Command blocked by policy: {LIMIT_REACHED}."


@pytest.mark.parametrize("of", [{}, {"company": "first"}], ids=["installation", "company"])
def test_an_enable_is_not_taken_back_from_the_shell(yard: Yard, of: dict[str, str]) -> None:
    """Over and over, that would keep a vehicle where it is; what acts is taken back by anybody at once."""
    ana = admin(yard, **of)
    waiting, acting = yard.register(ENABLE), yard.register("start")

    assert refused(yard, "command cancel", None, command=waiting.id) == "sign_in_required"
    assert ordered(yard, "command cancel", ana, command=waiting.id)["state"] == "Cancelled"
    assert ordered(yard, "command cancel", None, command=acting.id)["state"] == "Cancelled"


def test_that_it_is_enabled_again_and_again_is_not_ended_from_the_shell(yard: Yard) -> None:
    yard.execute(DISABLE)
    ana = admin(yard)
    ordered(yard, "keep-enabling start", None, vehicle=VIN)

    assert refused(yard, "keep-enabling cancel", None, vehicle=VIN) == "sign_in_required"
    assert ordered(yard, "keep-enabling cancel", ana, vehicle=VIN)["cancelled"] is True
