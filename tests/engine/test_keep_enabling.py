"""Enabling that goes on until it is confirmed: when another enable is issued, and when it is over."""

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands.model.record import Command
from keyturn.config.settings import EvidenceSettings, ImmobilisationSettings
from keyturn.connectors.responses import OutcomeKind
from keyturn.engine import verify
from keyturn.fleet import evidence
from keyturn.immobilisation import enable_retries
from keyturn.store.port import Tx
from tests.commands.operations.immobilising import DISABLE, ENABLE, entries, order, state
from tests.support.command_env import OPERATION, PARKED, CommandEnv, not_none
from tests.support.enrolment import VIN

from ..commands.conftest import env as env
from ..commands.conftest import installed as installed

RULES = ImmobilisationSettings(keep_enabling_for=86_400.0, keep_enabling_pause=60.0)
OPERATOR = "operator:ana"


@pytest.fixture
def immobilised(env: CommandEnv) -> CommandEnv:
    env.report(PARKED)
    env.execute(DISABLE)
    env.clock.advance(10)
    env.report(PARKED)
    return env


def keep(env: CommandEnv) -> None:
    order(env, "keep-enabling start", vehicle=VIN)


def look(env: CommandEnv) -> None:
    """What the engine does from time to time, after it read the vehicle."""
    for keeping in env.see(enable_retries.running):
        env.do(enable_retries.end_if_over, keeping, RULES)
        env.do(enable_retries.issue, keeping.id, env.capabilities, env.factory, RULES, EvidenceSettings())


def issued(env: CommandEnv) -> list[Command]:
    return [env.row(i) for (i,) in env.rows("SELECT id FROM command WHERE name = :name ORDER BY id", name=ENABLE)]


def endings(env: CommandEnv) -> list[tuple[str, str]]:
    return [(actor, told["ending"]) for actor, told in entries(env, "keep_enabling.ended")]


def later(env: CommandEnv, seconds: float = 61, *, reachable: bool | None = True) -> None:
    env.clock.advance(seconds)
    env.report(PARKED, reachable=reachable)
    look(env)


def test_enable_retry_begins_with_an_enable_in_the_operators_name_without_a_code(immobilised: CommandEnv) -> None:
    keep(immobilised)
    look(immobilised)

    (enable,) = issued(immobilised)
    assert (enable.actor, enable.state, enable.status) == (OPERATOR, "Queued", "Pending")
    assert immobilised.rows("SELECT count(*) FROM open_code") == [(0,)]
    assert [actor for actor, _told in entries(immobilised, "keep_enabling.started")] == [OPERATOR]
    assert not_none(immobilised.intent(enable)).state == "Dispatching"


def test_enable_retry_issues_nothing_while_an_enable_is_in_flight(immobilised: CommandEnv) -> None:
    keep(immobilised)
    look(immobilised)
    sent = not_none(immobilised.intent(issued(immobilised)[0]))
    later(immobilised)
    immobilised.respond(sent, OutcomeKind.IN_PROGRESS, operation=OPERATION)
    later(immobilised)

    assert len(issued(immobilised)) == 1


@pytest.mark.parametrize("verdict", [OutcomeKind.FAILED, OutcomeKind.UNCLEAR])
def test_enable_retry_issues_another_after_a_pause_when_one_came_to_nothing(
    immobilised: CommandEnv, verdict: OutcomeKind
) -> None:
    keep(immobilised)
    look(immobilised)
    immobilised.respond(not_none(immobilised.intent(issued(immobilised)[0])), verdict)
    later(immobilised, 10)
    assert len(issued(immobilised)) == 1

    later(immobilised, 51)

    first, second = issued(immobilised)
    assert (first.id != second.id, second.state) == (True, "Queued")


def test_an_unreachable_vehicle_is_waited_for(immobilised: CommandEnv) -> None:
    immobilised.report(PARKED, reachable=False)
    keep(immobilised)
    look(immobilised)
    later(immobilised, reachable=False)
    assert issued(immobilised) == []

    later(immobilised)

    assert len(issued(immobilised)) == 1


def test_a_vehicle_of_which_no_report_can_be_had_is_not_waited_for(immobilised: CommandEnv) -> None:
    immobilised.report(PARKED, reachable=False)
    keep(immobilised)
    immobilised.clock.advance(121)

    look(immobilised)

    assert len(issued(immobilised)) == 1


def test_a_last_contact_long_ago_is_waited_out(immobilised: CommandEnv) -> None:
    known = immobilised.evidence()
    old = msgspec.structs.replace(known.report, reachable=None, last_contact=after(immobilised.clock.now(), -121))
    immobilised.do(evidence.save, immobilised.names.vehicle, msgspec.structs.replace(known, report=old))
    keep(immobilised)

    look(immobilised)

    assert issued(immobilised) == []


def test_enable_retry_ends_once_the_record_is_closed(immobilised: CommandEnv) -> None:
    keep(immobilised)
    look(immobilised)
    immobilised.clock.advance(5)
    immobilised.respond(not_none(immobilised.intent(issued(immobilised)[0])), OutcomeKind.SUCCEEDED)
    assert state(immobilised) is None

    later(immobilised)

    assert endings(immobilised) == [("engine", "closed")]
    later(immobilised)
    assert len(issued(immobilised)) == 1


def test_enable_retry_goes_on_while_the_record_is_open_though_an_enable_executed(env: CommandEnv) -> None:
    env.report(PARKED)
    env.lose(DISABLE)
    env.clock.advance(10)
    env.report(PARKED)
    keep(env)
    look(env)
    env.respond(not_none(env.intent(issued(env)[0])), OutcomeKind.SUCCEEDED)
    assert state(env) == "possible"

    later(env)
    assert len(issued(env)) == 1, "a newer report may still say what became of the first"

    env.do(verify.give_up, issued(env)[0].id)
    later(env)
    assert (len(issued(env)), endings(env)) == (2, [])


def test_a_report_does_not_end_it_while_a_disable_may_still_act(env: CommandEnv) -> None:
    env.report(PARKED)
    env.lose(DISABLE)
    env.clock.advance(10)
    keep(env)
    env.clock.advance(5)

    env.report(PARKED | {"ignition_disabled": False})
    look(env)

    assert (state(env), endings(env)) == ("possible", [])


def test_enable_retry_without_a_record_ends_with_a_newer_report(env: CommandEnv) -> None:
    env.report(PARKED | {"ignition_disabled": False})
    keep(env)
    look(env)
    assert endings(env) == []
    env.clock.advance(5)

    env.report({"ignition_disabled": False})
    look(env)

    assert endings(env) == [("engine", "verified")]


def test_enable_retry_without_a_record_goes_on_while_reports_say_disabled(env: CommandEnv) -> None:
    env.report(PARKED | {"ignition_disabled": True})
    keep(env)
    look(env)
    env.respond(not_none(env.intent(issued(env)[0])), OutcomeKind.SUCCEEDED)
    env.clock.advance(61)
    env.report(PARKED | {"ignition_disabled": True})

    look(env)

    assert (endings(env), len(issued(env))) == ([], 2)


def test_enable_retry_ends_with_an_executed_enable_where_nothing_more_can_be_known(env: CommandEnv) -> None:
    env.behind(reads_state=False)
    keep(env)
    look(env)
    env.respond(not_none(env.intent(issued(env)[0])), OutcomeKind.SUCCEEDED)

    later(env)

    assert endings(env) == [("engine", "executed")]


def test_enable_retry_ends_after_a_day(immobilised: CommandEnv) -> None:
    keep(immobilised)
    immobilised.clock.advance(86_399)
    look(immobilised)
    assert endings(immobilised) == []
    immobilised.clock.advance(1)

    look(immobilised)

    assert endings(immobilised) == [("engine", "time_over")]
    assert state(immobilised) == "confirmed"


def test_enable_retry_ends_when_the_vehicle_is_removed(env: CommandEnv) -> None:
    keep(env)
    env.administer("vehicle set", vehicle=VIN, active=False)

    look(env)

    assert (endings(env), issued(env)) == ([("engine", "vehicle_gone")], [])


def raise_epoch(tx: Tx) -> None:
    tx.run("UPDATE store_fact SET value = CAST(value AS INTEGER) + 1 WHERE name = 'epoch'")


def test_enable_retry_out_of_a_backup_does_not_go_on(immobilised: CommandEnv) -> None:
    """What was decided since is not known: perhaps to immobilise the vehicle again."""
    keep(immobilised)
    immobilised.do(raise_epoch)

    look(immobilised)

    assert (endings(immobilised), issued(immobilised)) == ([("engine", "restored")], [])
