"""Enabling that goes on until it is confirmed: when another enable is issued, and when it is over."""

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands import keep_enabling
from keyturn.commands.record import Command
from keyturn.config.settings import ImmobilisationSettings
from keyturn.connectors.port import Verdict
from keyturn.engine import verify
from keyturn.fleet import evidence
from keyturn.store.port import Tx

from ..commands.conftest import installed as installed
from ..commands.conftest import yard as yard
from ..commands.immobilising import DISABLE, ENABLE, entries, order, refused, state
from ..commands.installation import VIN
from ..commands.yard import OPERATION, PARKED, Yard, sure

RULES = ImmobilisationSettings(keep_enabling_for=86_400.0, keep_enabling_pause=60.0)
OPERATOR = "operator:ana"


@pytest.fixture
def immobilised(yard: Yard) -> Yard:
    yard.report(PARKED)
    yard.execute(DISABLE)
    yard.clock.advance(10)
    yard.report(PARKED)
    return yard


def keep(yard: Yard) -> None:
    order(yard, "keep-enabling start", vehicle=VIN)


def look(yard: Yard) -> None:
    """What the engine does from time to time, after it read the vehicle."""
    for keeping in yard.see(keep_enabling.running):
        yard.do(keep_enabling.end_if_over, keeping, RULES)
        yard.do(keep_enabling.issue, keeping.id, yard.declares, yard.registrar, RULES)


def issued(yard: Yard) -> list[Command]:
    return [yard.row(i) for (i,) in yard.rows("SELECT id FROM command WHERE name = :name ORDER BY id", name=ENABLE)]


def endings(yard: Yard) -> list[tuple[str, str]]:
    return [(actor, told["ending"]) for actor, told in entries(yard, "keep_enabling.ended")]


def later(yard: Yard, seconds: float = 61, *, reachable: bool | None = True) -> None:
    yard.clock.advance(seconds)
    yard.report(PARKED, reachable=reachable)
    look(yard)


def test_it_begins_with_an_enable_in_the_operators_name_without_a_code(immobilised: Yard) -> None:
    keep(immobilised)
    look(immobilised)

    (enable,) = issued(immobilised)
    assert (enable.actor, enable.state, enable.status) == (OPERATOR, "Queued", "Pending")
    assert immobilised.rows("SELECT count(*) FROM open_code") == [(0,)]
    assert [actor for actor, _told in entries(immobilised, "keep_enabling.started")] == [OPERATOR]
    assert sure(immobilised.intent(enable)).state == "Dispatching"


def test_nothing_is_issued_while_an_enable_is_in_flight(immobilised: Yard) -> None:
    keep(immobilised)
    look(immobilised)
    sent = sure(immobilised.intent(issued(immobilised)[0]))
    later(immobilised)
    immobilised.hear(sent, Verdict.IN_PROGRESS, operation=OPERATION)
    later(immobilised)

    assert len(issued(immobilised)) == 1


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.UNCLEAR])
def test_another_one_follows_after_a_pause_when_one_came_to_nothing(immobilised: Yard, verdict: Verdict) -> None:
    keep(immobilised)
    look(immobilised)
    immobilised.hear(sure(immobilised.intent(issued(immobilised)[0])), verdict)
    later(immobilised, 10)
    assert len(issued(immobilised)) == 1

    later(immobilised, 51)

    first, second = issued(immobilised)
    assert (first.id != second.id, second.state) == (True, "Queued")


def test_an_unreachable_vehicle_is_waited_for(immobilised: Yard) -> None:
    immobilised.report(PARKED, reachable=False)
    keep(immobilised)
    look(immobilised)
    later(immobilised, reachable=False)
    assert issued(immobilised) == []

    later(immobilised)

    assert len(issued(immobilised)) == 1


def test_a_vehicle_of_which_no_report_can_be_had_is_not_waited_for(immobilised: Yard) -> None:
    immobilised.report(PARKED, reachable=False)
    keep(immobilised)
    immobilised.clock.advance(121)

    look(immobilised)

    assert len(issued(immobilised)) == 1


def test_a_last_contact_long_ago_is_waited_out(immobilised: Yard) -> None:
    known = immobilised.evidence()
    old = msgspec.structs.replace(known.report, reachable=None, last_contact=after(immobilised.clock.now(), -121))
    immobilised.do(evidence.save, immobilised.names.vehicle, msgspec.structs.replace(known, report=old))
    keep(immobilised)

    look(immobilised)

    assert issued(immobilised) == []


def test_it_ends_once_the_record_is_closed(immobilised: Yard) -> None:
    keep(immobilised)
    look(immobilised)
    immobilised.clock.advance(5)
    immobilised.hear(sure(immobilised.intent(issued(immobilised)[0])), Verdict.SUCCEEDED)
    assert state(immobilised) is None

    later(immobilised)

    assert endings(immobilised) == [("engine", "closed")]
    later(immobilised)
    assert len(issued(immobilised)) == 1


def test_it_goes_on_while_the_record_is_open_though_an_enable_executed(yard: Yard) -> None:
    yard.report(PARKED)
    yard.lose(DISABLE)
    yard.clock.advance(10)
    yard.report(PARKED)
    keep(yard)
    look(yard)
    yard.hear(sure(yard.intent(issued(yard)[0])), Verdict.SUCCEEDED)
    assert state(yard) == "possible"

    later(yard)
    assert len(issued(yard)) == 1, "a newer report may still say what became of the first"

    yard.do(verify.give_up, issued(yard)[0].id)
    later(yard)
    assert (len(issued(yard)), endings(yard)) == (2, [])


def test_a_report_does_not_end_it_while_a_disable_may_still_act(yard: Yard) -> None:
    yard.report(PARKED)
    yard.lose(DISABLE)
    yard.clock.advance(10)
    keep(yard)
    yard.clock.advance(5)

    yard.report(PARKED | {"ignition_disabled": False})
    look(yard)

    assert (state(yard), endings(yard)) == ("possible", [])


def test_where_nothing_was_on_record_a_newer_report_ends_it(yard: Yard) -> None:
    yard.report(PARKED | {"ignition_disabled": False})
    keep(yard)
    look(yard)
    assert endings(yard) == []
    yard.clock.advance(5)

    yard.report({"ignition_disabled": False})
    look(yard)

    assert endings(yard) == [("engine", "verified")]


def test_where_nothing_was_on_record_a_report_that_still_says_disabled_does_not(yard: Yard) -> None:
    yard.report(PARKED | {"ignition_disabled": True})
    keep(yard)
    look(yard)
    yard.hear(sure(yard.intent(issued(yard)[0])), Verdict.SUCCEEDED)
    yard.clock.advance(61)
    yard.report(PARKED | {"ignition_disabled": True})

    look(yard)

    assert (endings(yard), len(issued(yard))) == ([], 2)


def test_where_nobody_can_say_more_than_that_it_executed_that_ends_it(yard: Yard) -> None:
    yard.behind(reads_state=False)
    keep(yard)
    look(yard)
    yard.hear(sure(yard.intent(issued(yard)[0])), Verdict.SUCCEEDED)

    later(yard)

    assert endings(yard) == [("engine", "executed")]


def test_it_ends_after_a_day(immobilised: Yard) -> None:
    keep(immobilised)
    immobilised.clock.advance(86_399)
    look(immobilised)
    assert endings(immobilised) == []
    immobilised.clock.advance(1)

    look(immobilised)

    assert endings(immobilised) == [("engine", "time_over")]
    assert state(immobilised) == "confirmed"


def test_it_ends_with_the_vehicle(yard: Yard) -> None:
    keep(yard)
    yard.administer("vehicle set", vehicle=VIN, active=False)

    look(yard)

    assert (endings(yard), issued(yard)) == ([("engine", "vehicle_gone")], [])


def raise_epoch(tx: Tx) -> None:
    tx.run("UPDATE store_fact SET value = CAST(value AS INTEGER) + 1 WHERE name = 'epoch'")


def test_one_out_of_a_backup_does_not_go_on(immobilised: Yard) -> None:
    """What was decided since is not known: perhaps to immobilise the vehicle again."""
    keep(immobilised)
    immobilised.do(raise_epoch)

    look(immobilised)

    assert (endings(immobilised), issued(immobilised)) == ([("engine", "restored")], [])


def test_whoever_wants_can_cancel_it(immobilised: Yard) -> None:
    keep(immobilised)

    assert order(immobilised, "keep-enabling cancel", vehicle=VIN)["cancelled"] is True

    look(immobilised)
    assert (endings(immobilised), issued(immobilised)) == ([(OPERATOR, "cancelled")], [])
    assert refused(immobilised, "keep-enabling cancel", vehicle=VIN) == "not_running"


def test_started_twice_it_runs_once(immobilised: Yard) -> None:
    keep(immobilised)
    keep(immobilised)

    assert len(immobilised.see(keep_enabling.running)) == 1
    assert len(entries(immobilised, "keep_enabling.started")) == 1


def test_it_is_listed_and_shown_with_the_immobilisation(immobilised: Yard) -> None:
    keep(immobilised)
    look(immobilised)

    (shown,) = order(immobilised, "keep-enabling list", company="first")["keep_enabling"]
    (record,) = order(immobilised, "immobilisation list")["immobilisations"]

    assert (shown["vin"], shown["by"], shown["issued"], shown["last_state"]) == (VIN, OPERATOR, 1, "Queued")
    assert record["keep_enabling"] == {name: value for name, value in shown.items() if name != "vin"}
    assert order(immobilised, "keep-enabling list", company="second")["keep_enabling"] == []


def test_an_unsent_disable_is_superseded_by_it(immobilised: Yard) -> None:
    queued = immobilised.register(DISABLE)
    keep(immobilised)

    look(immobilised)

    assert immobilised.row(queued).state == "Cancelled"


def throw_switch(tx: Tx, reach: str) -> None:
    tx.run(
        """INSERT INTO kill_switch (scope, scope_id, reach, reason, thrown_by, thrown_at)
        VALUES ('installation', '', :reach, 'drill', 'operator:bo', 0)""",
        reach=reach,
    )


@pytest.mark.parametrize(("reach", "count"), [("restoring", 0), ("actuating", 1)])
def test_only_a_kill_switch_that_names_restoring_commands_holds_it(immobilised: Yard, reach: str, count: int) -> None:
    immobilised.do(throw_switch, reach)
    keep(immobilised)

    look(immobilised)

    assert len(issued(immobilised)) == count


def test_an_oem_that_offers_no_enable_is_waited_for(immobilised: Yard) -> None:
    immobilised.behind(offers=frozenset({DISABLE}))
    keep(immobilised)
    look(immobilised)
    assert issued(immobilised) == []
    immobilised.behind()

    later(immobilised)

    assert len(issued(immobilised)) == 1


def test_it_needs_an_active_vehicle(yard: Yard) -> None:
    yard.administer("vehicle set", vehicle=VIN, active=False)

    assert refused(yard, "keep-enabling start", vehicle=VIN) == "not_active"
