"""Other processes read the database of a server that runs; no answer is lost by it, even where it is killed then."""

import asyncio
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from keyturn_simulator import Simulator, SimulatorSettings
from tests.support.clients import Application

from .installation import ORDINARY, Installation, install
from .process import environment, run, serving

pytestmark = pytest.mark.anyio

VEHICLES = 60
_READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for (command_id,) in connection.execute("SELECT id FROM command"):
    print(command_id)
connection.close()
"""


async def test_a_killed_server_loses_nothing_after_a_backup_and_other_readers(tmp_path: Path) -> None:
    async with Simulator(SimulatorSettings(vehicles=VEHICLES, lively=False)) as oem, aiohttp.ClientSession() as http:
        installation = await install(tmp_path, oem.base_url, vehicles=VEHICLES)
        database = installation.data / "keyturn.db"
        async with serving(installation.config) as server:
            client = await installation.logged_in(0, server.url, http)
            vins = [vehicle.vin for vehicle in oem.simulation.fleet.values() if vehicle.vin.startswith(ORDINARY)]
            first, second, third = vins[:5], vins[5:10], vins[10:15]
            answered = await accepted(client, first)
            await backed_up(installation, tmp_path / "copy.db")
            answered += await accepted(client, second)
            assert set(answered) <= await read_by_another(database)
            answered += await accepted(client, third)
            await server.kill()
        assert set(answered) <= await read_by_another(database)
        assert set(answered[: len(first)]) <= await read_by_another(tmp_path / "copy.db")


async def accepted(client: Application, vins: list[str]) -> list[str]:
    """Ids of one answered command for each vehicle."""
    answers = [await client.post(vin, "lock_door") for vin in vins]
    assert {answer.code for answer in answers} == {200}
    return [answer.body["id"] for answer in answers]


async def backed_up(installation: Installation, file: Path) -> None:
    """By the command line, while the server runs: the server's own process copies the file."""
    done = await asyncio.to_thread(run, "backup", file, "--config", installation.config)
    assert done.returncode == 0, done.stderr


async def read_by_another(database: Path) -> set[str]:
    """Ids of the commands, for a process that may write: the last one that closes the file deletes the log."""
    words = [sys.executable, "-c", _READ, str(database)]
    done = await asyncio.to_thread(
        subprocess.run, words, capture_output=True, text=True, timeout=30, env=environment(), check=True
    )
    return set(done.stdout.split())
