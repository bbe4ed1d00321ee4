"""What operators see and do: the list, closing by hand, notices, and what they may not change meanwhile."""

from typing import Any

import pytest

from keyturn.admin.operation import Answer
from keyturn.clock import after, iso_time
from keyturn.connectors.responses import OutcomeKind
from keyturn.errors import OperationError
from tests.support.command_env import PARKED, CommandEnv
from tests.support.enrolment import NOW, VIN, add_vehicle, administer

from .immobilising import DISABLE, ENABLE, closed_by, entries, order, refused, says_enabled, state

SECOND_VIN = "9KTFLEET000000001"


@pytest.fixture(autouse=True)
def reachable(env: CommandEnv) -> None:
    env.report(PARKED)


def listed(env: CommandEnv, **arguments: object) -> list[Answer]:
    found: list[Answer] = order(env, "immobilisation list", **arguments)["immobilisations"]
    return found


def close(env: CommandEnv, **arguments: object) -> Answer:
    return order(env, "immobilisation close", vehicle=VIN, **{"reason": "relay taken out", **arguments})


def test_an_operator_closes_it_with_a_reason(env: CommandEnv) -> None:
    env.execute(DISABLE)

    assert close(env)["closed"] is True

    assert (state(env), closed_by(env)) == (None, ["operator:ana"])
    assert env.rows("SELECT close_reason, forced FROM immobilisation") == [("relay taken out", 0)]
    ((actor, told),) = entries(env, "immobilisation.closed")
    assert (actor, told["closed_by"], told["reason"], told["forced"]) == (
        "operator:ana",
        "operator:ana",
        "relay taken out",
        False,
    )


@pytest.mark.parametrize(
    "verdict", [None, OutcomeKind.IN_PROGRESS, OutcomeKind.UNCLEAR], ids=["sent", "accepted", "lost"]
)
def test_immobilisation_is_closed_only_by_force_while_a_disable_may_still_act(
    env: CommandEnv, verdict: OutcomeKind | None
) -> None:
    sent = env.send(DISABLE)
    if verdict is not None:
        env.respond(sent, verdict)

    assert refused(env, "immobilisation close", vehicle=VIN, reason="stolen") == "may_still_act"
    assert state(env) == "possible"

    assert close(env, force=True)["forced"] is True
    assert state(env) is None
    assert env.rows("SELECT forced FROM immobilisation") == [(1,)]
    assert [told["forced"] for _actor, told in entries(env, "immobilisation.closed")] == [True]


def test_a_lost_disable_past_its_deadline_does_not_keep_it_from_being_closed_by_hand(env: CommandEnv) -> None:
    env.lose(DISABLE)
    env.clock.advance(601)

    assert close(env)["forced"] is False


def test_immobilisation_that_is_not_open_cannot_be_closed(env: CommandEnv) -> None:
    assert refused(env, "immobilisation close", vehicle=VIN, reason="tidy") == "not_immobilised"


@pytest.mark.parametrize("reason", ["", "  "])
def test_immobilisation_is_not_closed_without_a_reason(env: CommandEnv, reason: str) -> None:
    env.execute(DISABLE)

    assert refused(env, "immobilisation close", vehicle=VIN, reason=reason) == "invalid_arguments"


def test_immobilisation_of_another_company_cannot_be_closed_in_the_name_of_this_one(env: CommandEnv) -> None:
    env.execute(DISABLE)

    assert refused(env, "immobilisation close", vehicle=VIN, company="second", reason="ours") == "not_found"


def test_a_notice_is_written_down_with_its_time(env: CommandEnv) -> None:
    at = iso_time(after(NOW, -3600))

    assert order(env, "notice add", vehicle=VIN, channel="phone", text="called", at=at)["at"] == at

    assert env.rows("SELECT channel, at, text, actor FROM notice") == [
        ("phone", after(NOW, -3600), "called", "operator:ana")
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"channel": "pigeon"}, "invalid_arguments"),
        ({"channel": "sms", "at": "yesterday"}, "invalid_time"),
        ({"channel": "sms", "at": "2023-11-14T22:00:00"}, "invalid_time"),
        ({"channel": "sms", "at": iso_time(after(NOW, 3600))}, "invalid_time"),
        ({"channel": "sms", "vehicle": "9KTNONE0000000001"}, "not_found"),
    ],
)
def test_a_notice_that_cannot_be_is_refused(env: CommandEnv, arguments: dict[str, str], code: str) -> None:
    assert refused(env, "notice add", **{"vehicle": VIN, **arguments}) == code


def test_notice_given_before_the_disable_was_sent_belongs_to_the_immobilisation(env: CommandEnv) -> None:
    order(env, "notice add", vehicle=VIN, channel="app")
    env.send(DISABLE)

    ((notice,),) = [shown["notices"] for shown in listed(env)]
    assert notice["channel"] == "app"


def test_the_list_has_what_was_kept_and_what_is_known(env: CommandEnv) -> None:
    sent = env.register(DISABLE, reason="missing; not returned", case_number="B.O. 42")
    env.report(PARKED | {"latitude": -23.5, "longitude": -46.6})
    env.intent(sent)
    order(env, "notice add", vehicle=VIN, channel="sms", text="msg 9")
    env.clock.advance(60)
    env.report({"latitude": 1.0, "longitude": 2.0})

    (shown,) = listed(env)

    now, then = iso_time(after(NOW, 60)), iso_time(NOW)
    assert (shown["vin"], shown["state"], shown["since"]) == (VIN, "possible", then)
    assert (shown["account"], shown["connector"], shown["external_id"]) == ("main", "oem", VIN)
    assert (shown["reason"], shown["case"]) == ("missing; not returned", "B.O. 42")
    assert (shown["actor"], shown["consent_reference"], shown["consent_at"]) == (env.names.application, "form 1", then)
    assert shown["position_then"] == {"latitude": -23.5, "longitude": -46.6, "at": then}
    assert shown["last_position"] == {"latitude": 1.0, "longitude": 2.0, "at": now}
    assert shown["last_contact"] == now
    assert [(row["id"], row["state"], row["sent_at"]) for row in shown["commands"]] == [(sent.id, "Dispatching", then)]
    assert [(row["channel"], row["text"]) for row in shown["notices"]] == [("sms", "msg 9")]
    assert shown["keep_enabling"] is None


def test_the_list_begins_with_the_oldest_and_leaves_out_what_is_closed_and_what_is_anothers(env: CommandEnv) -> None:
    second = str(env.do(add_vehicle, SECOND_VIN)["id"])
    for vehicle, at in ((second, NOW), (env.names.vehicle, NOW - 1)):
        env.do(immobilised_since, env.names.company, vehicle, at)

    assert [shown["vin"] for shown in listed(env)] == [VIN, SECOND_VIN]
    assert [shown["vin"] for shown in listed(env, company="first")] == [VIN, SECOND_VIN]
    assert listed(env, company="second") == []
    close(env)
    assert [(shown["vin"], shown["state"]) for shown in listed(env)] == [(VIN, "held"), (SECOND_VIN, "possible")]
    says_enabled(env)
    assert [shown["vin"] for shown in listed(env)] == [SECOND_VIN]


def immobilised_since(tx: Any, company: str, vehicle: str, at: int) -> None:
    tx.run(
        """INSERT INTO immobilisation (company_id, vehicle_id, opened_by, state, opened_at)
        VALUES (:company, :vehicle, 'disable', 'possible', :at)""",
        company=company,
        vehicle=vehicle,
        at=at,
    )


STRANDING: list[dict[str, Any]] = [
    {"active": False},
    {"account": "other"},
    {"external_id": "another"},
    {"capabilities": ["start"]},
]
HARMLESS: list[dict[str, Any]] = [
    {"account": "main"},
    {"external_id": VIN},
    {"capabilities": ["enable_ignition"]},
    {"capabilities": None},
    {"fuel_reserve": 5.0, "consent": None},
]


def change(env: CommandEnv, changes: dict[str, Any]) -> str | None:
    try:
        env.administer("vehicle set", vehicle=VIN, **changes)
    except OperationError as error:
        return error.code
    return None


@pytest.mark.parametrize("changes", STRANDING, ids=lambda changes: next(iter(changes)))
def test_change_that_leaves_no_way_to_enable_an_immobilised_vehicle_is_refused(
    env: CommandEnv, changes: dict[str, Any]
) -> None:
    env.do(administer, "account add", company="first", connector="oem", name="other", credentials={"token": "u"})
    env.execute(DISABLE)
    assert change(env, changes) == "immobilised"

    env.clock.advance(1)
    env.execute(ENABLE)
    assert change(env, changes) is None


def test_the_account_behind_which_a_vehicle_is_immobilised_stays_open(env: CommandEnv) -> None:
    env.execute(DISABLE)
    with pytest.raises(OperationError, match="1 immobilised vehicles are reached through it"):
        env.administer("account set", company="first", account="main", active=False)
    env.administer("account set", company="second", account="main", active=False)

    env.clock.advance(1)
    env.execute(ENABLE)
    env.administer("account set", company="first", account="main", active=False)


@pytest.mark.parametrize("changes", HARMLESS, ids=str)
def test_other_changes_of_an_immobilised_vehicle_go_through(env: CommandEnv, changes: dict[str, Any]) -> None:
    env.execute(DISABLE)

    assert change(env, changes) is None
