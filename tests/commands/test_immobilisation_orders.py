"""What operators see and do: the list, closing by hand, notices, and what they may not change meanwhile."""

from typing import Any

import pytest

from keyturn.clock import after, iso_time
from keyturn.connectors.port import Verdict
from keyturn.tenants.administration import Answer, OperationError

from .immobilising import DISABLE, ENABLE, closed_by, entries, order, refused, says_enabled, state
from .installation import NOW, VIN, add_vehicle, administer
from .yard import PARKED, Yard

SECOND_VIN = "9KTFLEET000000001"


@pytest.fixture(autouse=True)
def reachable(yard: Yard) -> None:
    yard.report(PARKED)


def listed(yard: Yard, **arguments: object) -> list[Answer]:
    found: list[Answer] = order(yard, "immobilisation list", **arguments)["immobilisations"]
    return found


def close(yard: Yard, **arguments: object) -> Answer:
    return order(yard, "immobilisation close", vehicle=VIN, **{"reason": "relay taken out", **arguments})


def test_an_operator_closes_it_with_a_reason(yard: Yard) -> None:
    yard.execute(DISABLE)

    assert close(yard)["closed"] is True

    assert (state(yard), closed_by(yard)) == (None, ["operator:ana"])
    assert yard.rows("SELECT close_reason, forced FROM immobilisation") == [("relay taken out", 0)]
    ((actor, told),) = entries(yard, "immobilisation.closed")
    assert (actor, told["closed_by"], told["reason"], told["forced"]) == (
        "operator:ana",
        "operator:ana",
        "relay taken out",
        False,
    )


@pytest.mark.parametrize("verdict", [None, Verdict.IN_PROGRESS, Verdict.UNCLEAR], ids=["sent", "accepted", "lost"])
def test_it_is_not_closed_by_hand_while_a_disable_may_still_act_but_by_force(
    yard: Yard, verdict: Verdict | None
) -> None:
    sent = yard.send(DISABLE)
    if verdict is not None:
        yard.hear(sent, verdict)

    assert refused(yard, "immobilisation close", vehicle=VIN, reason="stolen") == "may_still_act"
    assert state(yard) == "possible"

    assert close(yard, force=True)["forced"] is True
    assert state(yard) is None
    assert yard.rows("SELECT forced FROM immobilisation") == [(1,)]
    assert [told["forced"] for _actor, told in entries(yard, "immobilisation.closed")] == [True]


def test_a_lost_disable_past_its_deadline_does_not_keep_it_from_being_closed_by_hand(yard: Yard) -> None:
    yard.lose(DISABLE)
    yard.clock.advance(601)

    assert close(yard)["forced"] is False


def test_what_is_not_open_cannot_be_closed(yard: Yard) -> None:
    assert refused(yard, "immobilisation close", vehicle=VIN, reason="tidy") == "not_immobilised"


@pytest.mark.parametrize("reason", ["", "  "])
def test_it_is_not_closed_without_a_reason(yard: Yard, reason: str) -> None:
    yard.execute(DISABLE)

    assert refused(yard, "immobilisation close", vehicle=VIN, reason=reason) == "invalid_arguments"


def test_another_companys_cannot_be_closed_in_the_name_of_this_one(yard: Yard) -> None:
    yard.execute(DISABLE)

    assert refused(yard, "immobilisation close", vehicle=VIN, company="second", reason="ours") == "not_found"


def test_a_notice_is_written_down_with_its_time(yard: Yard) -> None:
    at = iso_time(after(NOW, -3600))

    assert order(yard, "notice add", vehicle=VIN, channel="phone", text="called", at=at)["at"] == at

    assert yard.rows("SELECT channel, at, text, actor FROM notice") == [
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
def test_a_notice_that_cannot_be_is_refused(yard: Yard, arguments: dict[str, str], code: str) -> None:
    assert refused(yard, "notice add", **{"vehicle": VIN, **arguments}) == code


def test_what_the_end_user_was_told_before_it_was_sent_belongs_to_it(yard: Yard) -> None:
    order(yard, "notice add", vehicle=VIN, channel="app")
    yard.send(DISABLE)

    ((notice,),) = [shown["notices"] for shown in listed(yard)]
    assert notice["channel"] == "app"


def test_the_list_has_what_was_kept_and_what_is_known(yard: Yard) -> None:
    sent = yard.register(DISABLE, reason="missing; not returned", case_number="B.O. 42")
    yard.report(PARKED | {"latitude": -23.5, "longitude": -46.6})
    yard.intent(sent)
    order(yard, "notice add", vehicle=VIN, channel="sms", text="msg 9")
    yard.clock.advance(60)
    yard.report({"latitude": 1.0, "longitude": 2.0})

    (shown,) = listed(yard)

    now, then = iso_time(after(NOW, 60)), iso_time(NOW)
    assert (shown["vin"], shown["state"], shown["since"]) == (VIN, "possible", then)
    assert (shown["account"], shown["connector"], shown["external_id"]) == ("main", "oem", VIN)
    assert (shown["reason"], shown["case"]) == ("missing; not returned", "B.O. 42")
    assert (shown["actor"], shown["consent_reference"], shown["consent_at"]) == (yard.names.application, "form 1", then)
    assert shown["position_then"] == {"latitude": -23.5, "longitude": -46.6, "at": then}
    assert shown["last_position"] == {"latitude": 1.0, "longitude": 2.0, "at": now}
    assert shown["last_contact"] == now
    assert [(row["id"], row["state"], row["sent_at"]) for row in shown["commands"]] == [(sent.id, "Dispatching", then)]
    assert [(row["channel"], row["text"]) for row in shown["notices"]] == [("sms", "msg 9")]
    assert shown["keep_enabling"] is None


def test_the_list_begins_with_the_oldest_and_leaves_out_what_is_closed_and_what_is_anothers(yard: Yard) -> None:
    second = str(yard.do(add_vehicle, SECOND_VIN)["id"])
    for vehicle, at in ((second, NOW), (yard.names.vehicle, NOW - 1)):
        yard.do(immobilised_since, yard.names.company, vehicle, at)

    assert [shown["vin"] for shown in listed(yard)] == [VIN, SECOND_VIN]
    assert [shown["vin"] for shown in listed(yard, company="first")] == [VIN, SECOND_VIN]
    assert listed(yard, company="second") == []
    close(yard)
    assert [(shown["vin"], shown["state"]) for shown in listed(yard)] == [(VIN, "held"), (SECOND_VIN, "possible")]
    says_enabled(yard)
    assert [shown["vin"] for shown in listed(yard)] == [SECOND_VIN]


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


def change(yard: Yard, changes: dict[str, Any]) -> str | None:
    try:
        yard.administer("vehicle set", vehicle=VIN, **changes)
    except OperationError as error:
        return error.code
    return None


@pytest.mark.parametrize("changes", STRANDING, ids=lambda changes: next(iter(changes)))
def test_what_would_leave_no_way_to_enable_it_is_refused_while_it_is_open(yard: Yard, changes: dict[str, Any]) -> None:
    yard.do(administer, "account add", company="first", connector="oem", name="other", credentials={"token": "u"})
    yard.execute(DISABLE)
    assert change(yard, changes) == "immobilised"

    yard.clock.advance(1)
    yard.execute(ENABLE)
    assert change(yard, changes) is None


def test_the_account_behind_which_a_vehicle_is_immobilised_stays_open(yard: Yard) -> None:
    yard.execute(DISABLE)
    with pytest.raises(OperationError, match="1 immobilised vehicles are reached through it"):
        yard.administer("account set", company="first", account="main", active=False)
    yard.administer("account set", company="second", account="main", active=False)

    yard.clock.advance(1)
    yard.execute(ENABLE)
    yard.administer("account set", company="first", account="main", active=False)


@pytest.mark.parametrize("changes", HARMLESS, ids=str)
def test_other_changes_of_an_immobilised_vehicle_go_through(yard: Yard, changes: dict[str, Any]) -> None:
    yard.execute(DISABLE)

    assert change(yard, changes) is None
