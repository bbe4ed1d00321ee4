"""Rows 8 to 10: whose vehicle, which command, and what a rule forbids now."""

from typing import Any

import pytest

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import OutcomeKind, SignalReading, StateReport
from keyturn.engine import vehicle_reader as reports
from tests.support.command_env import PARKED, CommandEnv
from tests.support.enrolment import OTHERS_VIN, VIN

NO_VIN = (404, "VIN not found or unauthorized access.")
NO_COMMAND = (404, "Command not found or unauthorized access.")
IMMOBILISED = (403, "Command blocked by policy: vehicle is immobilised.")
NO_CONSENT = (403, "Command blocked by policy: no consent of the end user on record.")
EVERY = frozenset(COMMANDS)


def refusal(env: CommandEnv, command: str, **fields: Any) -> tuple[int, str] | None:
    refused = env.ask(command, **fields).refusal
    return (refused.http_status, refused.detail) if refused else None


@pytest.mark.parametrize("command", ["location", "start", "no_such_command"])
def test_a_vin_that_is_unknown_or_someone_elses_is_row_8(env: CommandEnv, command: str) -> None:
    for vin in ("9KTNOSUCHVEHICLE1", OTHERS_VIN, f"{VIN} ", ""):
        assert refusal(env, command, vin=vin) == NO_VIN


def test_the_vin_s_letters_may_be_small(env: CommandEnv) -> None:
    assert refusal(env, "location", vin=VIN.lower()) is None


def test_a_command_that_does_not_exist_is_row_9(env: CommandEnv) -> None:
    for command in ("no_such_command", "Start", "start ", ""):
        assert refusal(env, command, grants=EVERY | {command}) == NO_COMMAND


def test_a_command_that_the_oem_does_not_offer_is_row_9(env: CommandEnv) -> None:
    env.behind(offers=EVERY - {"alert"})

    assert refusal(env, "alert") == NO_COMMAND
    assert refusal(env, "cancel_alert") is None


def test_a_command_outside_the_plan_is_row_9(env: CommandEnv) -> None:
    env.administer("vehicle set", vehicle=VIN, plan="location")

    assert refusal(env, "location") is None
    assert refusal(env, "disable_ignition") == refusal(env, "start") == NO_COMMAND


def test_a_command_that_the_application_is_not_granted_is_row_9(env: CommandEnv) -> None:
    assert refusal(env, "start", grants=EVERY - {"start"}) == NO_COMMAND
    assert refusal(env, "enable_ignition", grants=EVERY - {"enable_ignition"}) == NO_COMMAND


def test_an_ownership_that_does_not_allow_immobilising_is_row_8(env: CommandEnv) -> None:
    env.administer("vehicle set", vehicle=VIN, ownership="third_party", plan="location")

    assert refusal(env, "disable_ignition") == NO_VIN
    assert refusal(env, "location") is None


@pytest.mark.parametrize("ownership", ["owned", "rented", "fleet"])
def test_ownerships_that_allow_an_immobilisation(env: CommandEnv, ownership: str) -> None:
    env.administer("vehicle set", vehicle=VIN, ownership=ownership)

    assert refusal(env, "disable_ignition") is None


def test_an_oem_that_could_stop_a_running_engine_does_not_offer_disable(env: CommandEnv) -> None:
    env.behind(blocks_next_start_only=False)

    assert refusal(env, "disable_ignition") == NO_COMMAND


def immobilise(env: CommandEnv, verdict: OutcomeKind) -> None:
    env.report(PARKED)
    env.respond(env.send("disable_ignition"), verdict)
    env.clock.advance(1)


@pytest.mark.parametrize("verdict", [OutcomeKind.SUCCEEDED, OutcomeKind.UNCLEAR], ids=["open", "possible"])
def test_immobilised_vehicle_is_enabled_whatever_its_ownership_and_plan(env: CommandEnv, verdict: OutcomeKind) -> None:
    immobilise(env, verdict)
    env.administer("vehicle set", vehicle=VIN, ownership="third_party", plan="location")

    assert refusal(env, "enable_ignition") is None
    assert refusal(env, "enable_ignition", grants=frozenset({"location"})) == NO_COMMAND


def test_outside_the_plan_enable_is_row_9_once_nothing_is_immobilised(env: CommandEnv) -> None:
    immobilise(env, OutcomeKind.FAILED)
    env.administer("vehicle set", vehicle=VIN, plan="location")

    assert refusal(env, "enable_ignition") == NO_COMMAND


@pytest.mark.parametrize("verdict", [OutcomeKind.SUCCEEDED, OutcomeKind.UNCLEAR], ids=["open", "possible"])
def test_an_immobilised_vehicle_is_not_started(env: CommandEnv, verdict: OutcomeKind) -> None:
    immobilise(env, verdict)

    assert refusal(env, "start") == IMMOBILISED


@pytest.mark.parametrize("age", [0.0, 86_400.0])
def test_nor_is_one_that_reports_it_however_old_the_report(env: CommandEnv, age: float) -> None:
    env.report({"ignition_disabled": True}, age=age)

    assert refusal(env, "start") == IMMOBILISED


def test_an_enable_of_ours_that_executed_after_the_report_ends_that(env: CommandEnv) -> None:
    env.report({"ignition_disabled": True})
    env.clock.advance(1)
    env.execute("enable_ignition")

    assert refusal(env, "start") is None


def test_a_report_after_the_enable_counts_again(env: CommandEnv) -> None:
    env.execute("enable_ignition")
    env.clock.advance(1)
    env.report({"ignition_disabled": True})

    assert refusal(env, "start") == IMMOBILISED


def test_report_after_the_enable_counts_also_where_its_source_does_not_say_when(env: CommandEnv) -> None:
    env.execute("enable_ignition")
    env.clock.advance(1)
    heard = StateReport({"ignition_disabled": SignalReading(True)})
    env.do(reports.record_report, env.vehicle(), heard, EvidenceSettings())

    assert refusal(env, "start") == IMMOBILISED


def test_a_report_that_says_enabled_or_nothing_forbids_nothing(env: CommandEnv) -> None:
    env.report({"ignition_disabled": False})
    assert refusal(env, "start") is None

    env.clock.advance(1)
    env.report({"ignition_disabled": None})
    assert refusal(env, "start") is None


def test_without_consent_nothing_is_immobilised(env: CommandEnv) -> None:
    env.administer("vehicle set", vehicle=VIN, consent=None)

    assert refusal(env, "disable_ignition") == NO_CONSENT
    assert refusal(env, "disable_ignition", code="123456") == NO_CONSENT
    assert refusal(env, "enable_ignition") is None
    assert refusal(env, "start") is None


def test_every_refused_ignition_attempt_is_written_down_and_no_other(env: CommandEnv) -> None:
    env.administer("vehicle set", vehicle=VIN, consent=None)

    refusal(env, "disable_ignition", code="123456")
    refusal(env, "enable_ignition", vin="9KTNOSUCHVEHICLE1")
    refusal(env, "start", vin="9KTNOSUCHVEHICLE1")

    sql = "SELECT company_id, actor, body FROM entry WHERE kind = 'ignition.refused' ORDER BY seq"
    first, second = env.rows(sql)
    assert first[:2] == second[:2] == (env.names.company, env.names.application)
    assert '"http_status":403' in first[2]
    assert '"vin":"9KTNOSUCHVEHICLE1","command":"enable_ignition","http_status":404' in second[2]
    assert "123456" not in first[2]
