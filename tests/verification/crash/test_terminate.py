"""SIGTERM: what is on its way is recorded, and the process ends well."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.hostile.hostile_oem import Caller, HostileOem, Seen, answer, saying
from tests.startup.installation import ORDINARY, install
from tests.startup.process import serving
from tests.support.clock import eventually
from tests.verification.crash.consistency import assert_consistent, assert_done_once
from tests.verification.crash.db_snapshot import copied, in_flight, states
from tests.verification.crash.stage import crash_stage

pytestmark = pytest.mark.anyio

SEED = 7
ANSWERS = 150
VIN = f"{ORDINARY}000000001"
TAKEN = {"operation": {"id": "op-1", "status": "in_progress"}}
DONE = {"operation": {"id": "op-1", "status": "success"}}


async def test_a_server_under_load_ends_with_every_sending_recorded(tmp_path: Path) -> None:
    async with crash_stage(tmp_path, seed=SEED, vehicles=200, applications=3, latency=10.0) as stage:
        async with stage.load() as clients, stage.server() as server:
            await eventually(lambda: len(stage.posts) >= ANSWERS, within=60.0)
            stage.load_control.open.clear()
            code = await server.terminate()
            for client in clients:
                client.cancel()
        with copied(stage.data, tmp_path / "ended") as connection:
            assert_consistent(connection)
            assert_done_once(connection, stage.simulator)
            left = in_flight(connection)
            assert {post.command_id for post in stage.posts} <= states(connection).keys()
    assert code == 0
    assert left["Accepted"] > 0
    assert left["Dispatching"] == 0
    assert [client.unexpected for client in stage.clients if client.unexpected] == []


async def test_an_answer_that_comes_after_the_signal_is_recorded(tmp_path: Path) -> None:
    goes_on = asyncio.Event()

    async def hold(_seen: Seen, api_client: Caller) -> bool:
        await goes_on.wait()
        await api_client.say(answer(202, TAKEN))
        return True

    async with HostileOem() as oem, aiohttp.ClientSession() as http:
        oem.behave("/commands/alert", hold)
        oem.behave("/operations/op-1", saying(answer(200, DONE)))
        installation = await install(tmp_path, oem.url)
        async with serving(installation.config) as server:
            application = await installation.logged_in(0, server.url, http)
            posted = await application.post(VIN, "alert")
            await oem.until_about("/commands/alert")
            ending = asyncio.create_task(server.terminate())
            await until_refused(server.url)
            goes_on.set()
            assert await ending == 0
        with copied(installation.data, tmp_path / "ended") as connection:
            assert states(connection) == {posted.body["id"]: "Accepted"}
        async with serving(installation.config) as server:
            application = await installation.logged_in(0, server.url, http)
            record = await application.final(posted.body["id"])
    assert record["status"] == "Success"
    assert len(oem.commands(VIN)) == 1


async def until_refused(url: str) -> None:
    """The port is closed."""
    host, port = url.removeprefix("http://").split(":")
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.01)
