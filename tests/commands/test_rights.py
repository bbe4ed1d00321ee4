"""Rows 8 to 10: whose vehicle, which command, and what a rule forbids now."""

from typing import Any

import pytest

from keyturn.commands.catalogue import COMMANDS
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Reading, StateReport, Verdict
from keyturn.engine import vehicles as reports

from .installation import OTHERS_VIN, VIN
from .yard import PARKED, Yard

NO_VIN = (404, "VIN not found or unauthorized access.")
NO_COMMAND = (404, "Command not found or unauthorized access.")
IMMOBILISED = (403, "Command blocked by policy: vehicle is immobilised.")
NO_CONSENT = (403, "Command blocked by policy: no consent of the end user on record.")
EVERY = frozenset(COMMANDS)


def refusal(yard: Yard, command: str, **fields: Any) -> tuple[int, str] | None:
    refused = yard.ask(command, **fields).refusal
    return (refused.http_status, refused.detail) if refused else None


@pytest.mark.parametrize("command", ["location", "start", "no_such_command"])
def test_a_vin_that_is_unknown_or_someone_elses_is_row_8(yard: Yard, command: str) -> None:
    for vin in ("9KTNOSUCHVEHICLE1", OTHERS_VIN, f"{VIN} ", ""):
        assert refusal(yard, command, vin=vin) == NO_VIN


def test_the_vin_s_letters_may_be_small(yard: Yard) -> None:
    assert refusal(yard, "location", vin=VIN.lower()) is None


def test_a_command_that_does_not_exist_is_row_9(yard: Yard) -> None:
    for command in ("no_such_command", "Start", "start ", ""):
        assert refusal(yard, command, grants=EVERY | {command}) == NO_COMMAND


def test_a_command_that_the_oem_does_not_offer_is_row_9(yard: Yard) -> None:
    yard.behind(offers=EVERY - {"alert"})

    assert refusal(yard, "alert") == NO_COMMAND
    assert refusal(yard, "cancel_alert") is None


def test_a_command_outside_the_plan_is_row_9(yard: Yard) -> None:
    yard.administer("vehicle set", vehicle=VIN, plan="location")

    assert refusal(yard, "location") is None
    assert refusal(yard, "disable_ignition") == refusal(yard, "start") == NO_COMMAND


def test_a_command_that_the_application_is_not_granted_is_row_9(yard: Yard) -> None:
    assert refusal(yard, "start", grants=EVERY - {"start"}) == NO_COMMAND
    assert refusal(yard, "enable_ignition", grants=EVERY - {"enable_ignition"}) == NO_COMMAND


def test_an_ownership_that_does_not_allow_immobilising_is_row_8(yard: Yard) -> None:
    yard.administer("vehicle set", vehicle=VIN, ownership="third_party", plan="location")

    assert refusal(yard, "disable_ignition") == NO_VIN
    assert refusal(yard, "location") is None


@pytest.mark.parametrize("ownership", ["owned", "rented", "fleet"])
def test_these_ownerships_allow_it(yard: Yard, ownership: str) -> None:
    yard.administer("vehicle set", vehicle=VIN, ownership=ownership)

    assert refusal(yard, "disable_ignition") is None


def test_an_oem_that_could_stop_a_running_engine_does_not_offer_disable(yard: Yard) -> None:
    yard.behind(blocks_next_start_only=False)

    assert refusal(yard, "disable_ignition") == NO_COMMAND


def immobilise(yard: Yard, verdict: Verdict) -> None:
    yard.report(PARKED)
    yard.hear(yard.send("disable_ignition"), verdict)
    yard.clock.advance(1)


@pytest.mark.parametrize("verdict", [Verdict.SUCCEEDED, Verdict.UNCLEAR], ids=["open", "possible"])
def test_neither_ownership_nor_plan_keeps_an_immobilised_vehicle_from_being_enabled(
    yard: Yard, verdict: Verdict
) -> None:
    immobilise(yard, verdict)
    yard.administer("vehicle set", vehicle=VIN, ownership="third_party", plan="location")

    assert refusal(yard, "enable_ignition") is None
    assert refusal(yard, "enable_ignition", grants=frozenset({"location"})) == NO_COMMAND


def test_outside_the_plan_enable_is_row_9_once_nothing_is_immobilised(yard: Yard) -> None:
    immobilise(yard, Verdict.FAILED)
    yard.administer("vehicle set", vehicle=VIN, plan="location")

    assert refusal(yard, "enable_ignition") == NO_COMMAND


@pytest.mark.parametrize("verdict", [Verdict.SUCCEEDED, Verdict.UNCLEAR], ids=["open", "possible"])
def test_an_immobilised_vehicle_is_not_started(yard: Yard, verdict: Verdict) -> None:
    immobilise(yard, verdict)

    assert refusal(yard, "start") == IMMOBILISED


@pytest.mark.parametrize("age", [0.0, 86_400.0])
def test_nor_is_one_that_reports_it_however_old_the_report(yard: Yard, age: float) -> None:
    yard.report({"ignition_disabled": True}, age=age)

    assert refusal(yard, "start") == IMMOBILISED


def test_an_enable_of_ours_that_executed_after_the_report_ends_that(yard: Yard) -> None:
    yard.report({"ignition_disabled": True})
    yard.clock.advance(1)
    yard.execute("enable_ignition")

    assert refusal(yard, "start") is None


def test_a_report_after_the_enable_counts_again(yard: Yard) -> None:
    yard.execute("enable_ignition")
    yard.clock.advance(1)
    yard.report({"ignition_disabled": True})

    assert refusal(yard, "start") == IMMOBILISED


def test_so_does_one_whose_source_does_not_say_when(yard: Yard) -> None:
    yard.execute("enable_ignition")
    yard.clock.advance(1)
    heard = StateReport({"ignition_disabled": Reading(True)})
    yard.do(reports.absorb, yard.vehicle(), heard, EvidenceSettings())

    assert refusal(yard, "start") == IMMOBILISED


def test_a_report_that_says_enabled_or_nothing_forbids_nothing(yard: Yard) -> None:
    yard.report({"ignition_disabled": False})
    assert refusal(yard, "start") is None

    yard.clock.advance(1)
    yard.report({"ignition_disabled": None})
    assert refusal(yard, "start") is None


def test_without_consent_nothing_is_immobilised(yard: Yard) -> None:
    yard.administer("vehicle set", vehicle=VIN, consent=None)

    assert refusal(yard, "disable_ignition") == NO_CONSENT
    assert refusal(yard, "disable_ignition", code="123456") == NO_CONSENT
    assert refusal(yard, "enable_ignition") is None
    assert refusal(yard, "start") is None


def test_every_refused_ignition_attempt_is_written_down_and_no_other(yard: Yard) -> None:
    yard.administer("vehicle set", vehicle=VIN, consent=None)

    refusal(yard, "disable_ignition", code="123456")
    refusal(yard, "enable_ignition", vin="9KTNOSUCHVEHICLE1")
    refusal(yard, "start", vin="9KTNOSUCHVEHICLE1")

    sql = "SELECT company_id, actor, body FROM entry WHERE kind = 'ignition.refused' ORDER BY seq"
    first, second = yard.rows(sql)
    assert first[:2] == second[:2] == (yard.names.company, yard.names.application)
    assert '"http_status":403' in first[2]
    assert '"vin":"9KTNOSUCHVEHICLE1","command":"enable_ignition","http_status":404' in second[2]
    assert "123456" not in first[2]
