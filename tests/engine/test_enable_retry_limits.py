"""Enable retries as operators use them, and what stops them: cancelling, kill switches, connectors, vehicles."""

import pytest

from keyturn.immobilisation import enable_retries
from keyturn.store.port import Tx
from tests.commands.operations.immobilising import DISABLE, entries, order, refused
from tests.support.command_env import CommandEnv
from tests.support.enrolment import VIN

from ..commands.conftest import env as env
from ..commands.conftest import installed as installed
from .test_keep_enabling import OPERATOR, endings, issued, keep, later, look
from .test_keep_enabling import immobilised as immobilised


def test_enable_retry_can_be_cancelled_by_any_operator(immobilised: CommandEnv) -> None:
    keep(immobilised)

    assert order(immobilised, "keep-enabling cancel", vehicle=VIN)["cancelled"] is True

    look(immobilised)
    assert (endings(immobilised), issued(immobilised)) == ([(OPERATOR, "cancelled")], [])
    assert refused(immobilised, "keep-enabling cancel", vehicle=VIN) == "not_running"


def test_started_twice_it_runs_once(immobilised: CommandEnv) -> None:
    keep(immobilised)
    keep(immobilised)

    assert len(immobilised.see(enable_retries.running)) == 1
    assert len(entries(immobilised, "keep_enabling.started")) == 1


def test_enable_retry_is_listed_and_shown_with_the_immobilisation(immobilised: CommandEnv) -> None:
    keep(immobilised)
    look(immobilised)

    (shown,) = order(immobilised, "keep-enabling list", company="first")["keep_enabling"]
    (record,) = order(immobilised, "immobilisation list")["immobilisations"]

    assert (shown["vin"], shown["by"], shown["issued"], shown["last_state"]) == (VIN, OPERATOR, 1, "Queued")
    assert record["keep_enabling"] == {name: value for name, value in shown.items() if name != "vin"}
    assert order(immobilised, "keep-enabling list", company="second")["keep_enabling"] == []


def test_an_unsent_disable_is_superseded_by_it(immobilised: CommandEnv) -> None:
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
def test_enable_retry_is_held_only_by_a_kill_switch_that_names_restoring_commands(
    immobilised: CommandEnv, reach: str, count: int
) -> None:
    immobilised.do(throw_switch, reach)
    keep(immobilised)

    look(immobilised)

    assert len(issued(immobilised)) == count


def test_an_oem_that_offers_no_enable_is_waited_for(immobilised: CommandEnv) -> None:
    immobilised.behind(offers=frozenset({DISABLE}))
    keep(immobilised)
    look(immobilised)
    assert issued(immobilised) == []
    immobilised.behind()

    later(immobilised)

    assert len(issued(immobilised)) == 1


def test_enable_retry_needs_an_active_vehicle(env: CommandEnv) -> None:
    env.administer("vehicle set", vehicle=VIN, active=False)

    assert refused(env, "keep-enabling start", vehicle=VIN) == "not_active"
