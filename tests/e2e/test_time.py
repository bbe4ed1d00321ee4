"""A wall clock that somebody sets: while the node works, and before it starts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from keyturn import administration, app
from keyturn.alerts.entries import Entry
from keyturn.alerts.rules import rule_for
from keyturn.app import Node
from keyturn.auth.principal import Credentials
from keyturn.clock import SECOND, SystemClock
from keyturn.commands.execution import expiry
from keyturn.config.settings import ServerSettings, Settings, TokenSettings
from keyturn.errors import OperationError
from keyturn.store import clock_state
from keyturn.timekeeping import Timekeeper, machine_boot
from tests.api.signing.test_signing_v2_replay import INVALID, captured, sent
from tests.support.clock import RunningClock
from tests.support.operators import PASSWORD, Staff
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, OTHER = "9KTPARKED00000001", "9KTFLEET000000001"
RELAYED = "9KTRLYPRK00000026"
"""Behind a relay that leaves the judgement of the evidence to us."""
QUARTER = 90 * 86_400.0
QUARTER_US = 90 * 86_400 * SECOND
CODE_LIFE = 300.0


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path) as s:
        yield s


@asynccontextmanager
async def another_node(s: ServerEnv, between: float = 0.0) -> AsyncIterator[None]:
    """The node ends, the wall clock is set, and another node begins."""
    await s.node.stop()
    s.clock.set_wall(between)
    port = urlsplit(s.url).port or 0
    s.node = Node(msgspec.structs.replace(s.settings, server=msgspec.structs.replace(s.settings.server, port=port)),
                  clock=s.clock)  # fmt: skip
    await s.node.start()
    try:
        yield
    finally:
        await s.node.stop()


@asynccontextmanager
async def committed_ahead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ServerEnv]:
    """A machine booted with its clock 90 days ahead, worked, and booted again with the right one."""
    boots = iter(["first boot", "second boot"])
    monkeypatch.setattr(app, "machine_boot", lambda: next(boots))
    wrong = RunningClock()
    wrong.set_wall(QUARTER)
    async with server_env(folder, clock=wrong) as s, another_node(s, -QUARTER):
        await s.first.log_in()
        yield s


async def code_of(s: ServerEnv, command: str = "disable_ignition") -> str:
    answer = await s.first.post(PARKED, command)
    assert answer.body["status"] == "Confirmation", answer
    return str(answer.body["code"])


def newest_entry(s: ServerEnv) -> int:
    return int(s.store.rows("SELECT max(at) AS at FROM entry")[0]["at"])


async def faulty(s: ServerEnv) -> None:
    """The engine looks once a second; whoever sends looks at once."""
    await s.eventually(lambda: "clock" in s.node.ready())


async def test_a_jump_ahead_is_a_fault_before_anything_is_committed_with_it(running: ServerEnv) -> None:
    true = running.clock.now()
    running.clock.set_wall(QUARTER)
    await code_of(running)

    await faulty(running)

    await running.eventually(lambda: bool(running.store.entries("clock.fault")))
    (entry,) = running.store.entries("clock.fault")
    assert entry["body"]["seconds"] == pytest.approx(QUARTER, abs=5)
    assert 0 <= newest_entry(running) - true < 60_000_000


async def test_under_a_fault_nothing_acts_and_what_restores_and_reads_goes_on(running: ServerEnv) -> None:
    await running.first.confirmed(PARKED, "disable_ignition")
    await running.eventually(lambda: running.store.rows("SELECT 1 FROM immobilisation WHERE state = 'confirmed'") != [])
    running.clock.set_wall(QUARTER)
    await faulty(running)

    waiting = await running.first.post(OTHER, "lock_door")
    enabled = await running.first.confirmed(PARKED, "enable_ignition")
    assert (await running.first.final(enabled.body["id"]))["status"] == "Success"
    assert (await running.done(PARKED, "location"))["status"] == "Success"
    assert running.store.command(waiting.body["id"])["state"] == "Queued"
    running.clock.set_wall(-QUARTER)
    assert (await running.first.final(waiting.body["id"]))["status"] == "Success"
    assert running.node.ready() == {}


async def test_under_a_fault_a_code_ends_when_its_time_is_over(running: ServerEnv) -> None:
    running.clock.set_wall(QUARTER)
    code = await code_of(running)

    running.advance(CODE_LIFE + 1)

    assert (await running.first.post(PARKED, "disable_ignition", code)).code == 400


async def test_a_jump_ahead_between_two_processes_is_a_fault_of_the_second(running: ServerEnv) -> None:
    true = running.clock.now()
    async with another_node(running, QUARTER):
        await faulty(running)
        assert newest_entry(running) - true < 60_000_000
        assert (await running.done(PARKED, "location"))["status"] == "Success"


async def test_after_a_commit_with_a_clock_that_was_ahead_codes_end_and_signatures_are_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with committed_ahead(tmp_path, monkeypatch) as s:
        assert newest_entry(s) - s.clock.now() > 80 * 86_400_000_000
        code = await code_of(s)
        s.advance(CODE_LIFE + 1)
        assert (await s.first.post(PARKED, "disable_ignition", code)).code == 400
        wire = captured(s, "location")
        assert (await sent(s, wire))[0] == 200
        assert await sent(s, wire) == INVALID


async def test_after_a_commit_with_a_clock_that_was_ahead_second_factors_are_good_and_the_time_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with committed_ahead(tmp_path, monkeypatch) as s:
        await faulty(s)
        staff = Staff(s)
        await staff.hire("ana", company=None)

        told = await staff.do("ana", "clock accept")

        assert told["accepted"]
        await s.eventually(lambda: s.node.ready() == {})
        done = await s.first.confirmed(RELAYED, "disable_ignition")
        assert (await s.first.final(done.body["id"]))["status"] == "Success", "its evidence is young all the same"


async def test_what_the_purge_forgot_is_refused_also_when_the_wall_clock_is_set_back(tmp_path: Path) -> None:
    async with server_env(tmp_path, tokens=TokenSettings(lifetime=86_400)) as s:
        wire = captured(s, "location")
        assert (await sent(s, wire))[0] == 200
        s.advance(3_700)
        await s.node.store.write(expiry.delete_expired)
        assert s.store.rows("SELECT 1 FROM nonce") == []
        s.clock.set_wall(-3_700)

        assert await sent(s, wire) == INVALID
        assert (await sent(s, captured(s, "location", age=-5)))[0] == 200


async def test_time_is_accepted_at_once_by_one_person_and_once_by_two(running: ServerEnv) -> None:
    staff = Staff(running)
    await staff.hire("ana", company=None)
    await staff.hire("rita", "admin", company=None)
    running.clock.set_wall(QUARTER)
    await faulty(running)

    answers = await asyncio.gather(
        *(running.node.administer("clock accept", {}, Credentials(name, PASSWORD)) for name in ("ana", "rita")),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, OperationError)]
    assert [refusal.code for refusal in refused] == ["nothing_to_accept"]
    await running.eventually(lambda: running.node.ready() == {})
    (entry,) = running.store.entries("clock.accepted")
    assert entry["body"]["seconds"] == pytest.approx(QUARTER, abs=5)
    assert newest_entry(running) <= running.clock.now()
    told = Entry(1, entry["at"], None, entry["actor"], "clock.accepted", None, None, entry["body"])
    assert rule_for(told) is not None, "it is told to the administrators"


async def test_a_time_that_is_believed_is_not_accepted(running: ServerEnv) -> None:
    with pytest.raises(OperationError) as refusal:
        await running.node.administer("clock accept", {})
    assert refusal.value.code == "nothing_to_accept"
    assert (await running.node.administer("clock show", {}))["fault"] is False


async def test_an_operator_of_one_company_does_not_accept_the_time(running: ServerEnv) -> None:
    staff = Staff(running)
    await staff.hire("ana", "admin")
    running.clock.set_wall(QUARTER)
    await faulty(running)
    with pytest.raises(OperationError) as refusal:
        await running.node.administer("clock accept", {}, Credentials("ana", PASSWORD))
    assert refusal.value.code == "unknown_operation"


async def test_without_a_server_the_time_is_accepted_on_the_store_itself(tmp_path: Path) -> None:
    """The store was last open in this boot of the machine, with a wall clock 90 days behind what it is now."""
    settings = Settings(server=ServerSettings(data=str(tmp_path / "data")))

    async with administration.open_offline(settings) as bench:
        then = Timekeeper(SystemClock(), 2.0, machine_boot()).state()
        behind = msgspec.structs.replace(then, wall=then.wall - QUARTER_US, store=then.store - QUARTER_US)
        await bench._store.write(lambda tx: clock_state.save(tx, behind))
    async with administration.open_offline(settings) as bench:
        assert (await bench.administer("clock show", {}))["wall_ahead"] == pytest.approx(QUARTER, abs=5)
        assert (await bench.administer("clock accept", {}))["accepted"]
    async with administration.open_offline(settings) as bench:
        told = await bench.administer("clock show", {})
        assert (told["fault"], told["store_ahead"]) == (False, 0.0)
