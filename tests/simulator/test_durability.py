import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from keyturn_simulator import JournalError, Simulator, SimulatorClock, SimulatorSettings
from keyturn_simulator.journal import FILE_NAME
from tests.support.clock import eventually

from .oem import NOON, Oem, caller, simulated

pytestmark = pytest.mark.anyio
PARKED = "9KTPARKED00000001"
SLOW = "9KTSL0W0000000019"
FLEET = [f"9KTFLEET{number:09d}" for number in range(1, 151)]
SERVE = """
import asyncio, sys
from pathlib import Path
from keyturn_simulator import SimulatorSettings, serve_forever
settings = SimulatorSettings(data_dir=Path(sys.argv[1]), slow_seconds=1000, lively=False)
asyncio.run(serve_forever(settings, lambda url: print(url, flush=True)))
"""


@contextmanager
def process(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A simulator in a process of its own, killed at the end if it still lives."""
    command = [sys.executable, "-c", SERVE, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    async with simulated(data_dir=tmp_path) as oem:
        await oem.control(f"vehicles/{PARKED}", signals={"lv_battery_voltage": 12.0})
        await oem.control("vehicles/9KTFLEET000000001", fault="oem_error")
        await oem.control("latency", median=0)
        assert (await oem.send("9KTFLEET000000001", "alert", "alert-1"))[0] == 500
        await oem.done(PARKED, "disable_ignition", "disable-1")
        waiting = await oem.done(SLOW, "start", "start-1")
        await oem.advance(5)
        before = (await oem.state(PARKED), await oem.ledger(), await oem.look_up("disable-1"))
    async with simulated(data_dir=tmp_path) as oem:
        found = await oem.look_up("disable-1")
        assert [operation | {"url": ""} for operation in found] == [o | {"url": ""} for o in before[2]]
        assert (await oem.state(PARKED), await oem.ledger()) == before[:2]
        assert (await oem.done(PARKED, "start", "start-2"))["error"]["code"] == "immobilised"
        assert (await oem.send("9KTFLEET000000001", "alert", "alert-1"))[0] == 202
        await oem.advance(15)
        assert (await oem.operation(f"{oem.base_url}/operations/{waiting['id']}"))["status"] == "success"
        assert await oem.actuated(SLOW) == ["start"]


async def test_a_reset_is_remembered_too(tmp_path: Path) -> None:
    async with simulated(data_dir=tmp_path) as oem:
        await oem.done(PARKED, "start")
        await oem.advance(60)
        await oem.control("reset")
        after = await oem.state(PARKED)
    async with simulated(data_dir=tmp_path) as oem:
        assert (await oem.ledger(), await oem.look_up()) == ([], [])
        assert await oem.state(PARKED) == after


async def test_what_was_answered_survives_kill_minus_nine(tmp_path: Path) -> None:
    answered: list[str] = []
    with process(tmp_path) as (running, base_url):
        async with caller(base_url) as oem:
            await oem.send(SLOW, "start", "slow-1")
            enough = asyncio.Event()
            sending = [asyncio.create_task(answer(oem, vin, answered, enough)) for vin in FLEET]
            await enough.wait()
            running.kill()
            await asyncio.gather(*sending)
    async with simulated(SimulatorClock(), data_dir=tmp_path, lively=False, slow_seconds=1000) as oem:
        executed = [entry["vin"] for entry in await oem.ledger()]
        assert set(answered) <= set(executed)
        assert len(executed) == len(set(executed))
        await oem.advance(1000)
        assert await oem.actuated(SLOW) == ["start"]


async def test_a_dropped_command_and_a_control_request_survive_sigkill(tmp_path: Path) -> None:
    with process(tmp_path) as (running, base_url):
        async with caller(base_url) as oem:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await oem.send("9KTDR0P0000000016", "start", "dropped-1")
            running.kill()
    with process(tmp_path) as (running, base_url):
        async with caller(base_url) as oem:
            await oem.advance(3600)
            running.kill()
    async with simulated(SimulatorClock(), data_dir=tmp_path) as oem:
        assert [operation["status"] for operation in await oem.look_up("dropped-1")] == ["success"]
        assert (await oem.call("GET", f"{oem.base_url}/control/clock"))[1]["offset"] == 3600


async def answer(oem: Oem, vin: str, answered: list[str], enough: asyncio.Event) -> None:
    try:
        status, _ = await oem.send(vin, "unlock_door", f"ref-{vin}")
    except aiohttp.ClientError:
        return
    assert status == 202
    answered.append(vin)
    if len(answered) >= 40:
        enough.set()


async def test_a_process_ends_on_sigterm_with_a_call_still_unanswered(tmp_path: Path) -> None:
    with process(tmp_path) as (running, base_url):
        async with caller(base_url) as oem:
            waiting = asyncio.create_task(oem.send("9KTT1ME0000000015", "start"))

            async def taken() -> bool:
                return bool(await oem.look_up())

            await eventually(taken)
            running.terminate()
            with pytest.raises(aiohttp.ClientError):
                await waiting
        assert await asyncio.to_thread(running.wait, 30) == 0


async def test_a_line_torn_by_a_crash_is_cut_off(tmp_path: Path) -> None:
    async with simulated(data_dir=tmp_path) as oem:
        await oem.done(PARKED, "unlock_door", "ref-1")
    journal = tmp_path / FILE_NAME
    journal.write_bytes(journal.read_bytes() + b'[{"type":"actuation","vin":"9KT')
    for rounds in (2, 3):
        async with simulated(data_dir=tmp_path) as oem:
            await oem.done(PARKED, "unlock_door", f"ref-{rounds}")
            assert await oem.actuated(PARKED) == ["unlock_door"] * rounds


async def test_a_damaged_journal_is_named_at_start(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'[{"type":"founded","at":1,"latency_median":0.0}]\nrubbish\n')
    with pytest.raises(JournalError, match=f"line 2 of {FILE_NAME}"):
        await Simulator(SimulatorSettings(data_dir=tmp_path)).start()


async def test_a_fleet_that_lost_a_commanded_vehicle_is_refused_at_start(tmp_path: Path) -> None:
    async with simulated(data_dir=tmp_path, vehicles=5) as oem:
        await oem.done("9KTFLEET000000005", "alert")
    with pytest.raises(JournalError, match="9KTFLEET000000005"):
        await Simulator(SimulatorSettings(data_dir=tmp_path, vehicles=4), SimulatorClock.manual(NOON)).start()


async def test_an_address_in_use_is_an_error_at_start() -> None:
    async with simulated() as oem:
        port = int(oem.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await Simulator(SimulatorSettings(port=port)).start()
