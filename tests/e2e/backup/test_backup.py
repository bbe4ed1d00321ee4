"""A backup of a working node, and what a restored one may and may not do."""

import asyncio
import stat
from pathlib import Path

import pytest

from keyturn.administration import restore
from keyturn.app import Node
from keyturn.errors import OperationError
from keyturn.store.port import StoreRefused
from tests.support.server_env import ServerEnv, server_env
from tests.support.store_reader import StoreReader

pytestmark = pytest.mark.anyio
PARKED, RENTED = "9KTPARKED00000001", "9KTRENTED00000022"


async def restored(running: ServerEnv, backup: Path) -> Node:
    """The node stopped, its database replaced, and a new one started on it."""
    await running.node.stop()
    restore(running.settings, backup)
    node = Node(running.settings)
    running.first.url = running.second.url = await node.start()
    return node


async def test_nothing_that_the_backup_knows_as_unsent_is_sent_again(tmp_path: Path) -> None:
    async with server_env(tmp_path) as running:
        await running.latency(2)
        start = (await running.first.send(PARKED, "start")).body["id"]
        queued = (await running.first.send(PARKED, "lock_door")).body["id"]
        await running.node.administer("backup", {"file": str(tmp_path / "backup.db")})
        assert (await running.first.final(queued))["status"] == "Success"

        node = await restored(running, tmp_path / "backup.db")
        try:
            assert (await running.first.final(start, status="Success"))["status"] == "Success"
            assert (await running.first.final(queued, status="Success"))["status"] == "Success"
            assert await running.actuations(PARKED) == ["start", "lock_door"]
        finally:
            await node.stop()


async def test_what_nobody_can_look_up_is_unknown_and_a_disable_may_have_immobilised(tmp_path: Path) -> None:
    async with server_env(tmp_path) as running:
        await running.latency(60)
        await running.first.send(RENTED, "lock_door")
        disable = (await running.first.send(RENTED, "disable_ignition")).body["id"]
        await running.node.administer("backup", {"file": str(tmp_path / "backup.db")})

        node = await restored(running, tmp_path / "backup.db")
        try:
            record = (await running.first.get(disable)).body
            assert record["detail"] == "Outcome unknown. The vehicle may have executed the command."
            refused = await running.first.post(RENTED, "start")
            assert (refused.code, refused.body) == (
                403,
                {"detail": "Command blocked by policy: vehicle is immobilised."},
            )
        finally:
            await node.stop()


async def test_no_code_of_the_backup_works(tmp_path: Path) -> None:
    async with server_env(tmp_path) as running:
        issued = await running.first.post(RENTED, "disable_ignition")
        await running.node.administer("backup", {"file": str(tmp_path / "backup.db")})

        node = await restored(running, tmp_path / "backup.db")
        try:
            used = await running.first.post(RENTED, "disable_ignition", issued.body["code"])
            assert (used.code, used.body) == (400, {"detail": "Confirmation invalid"})
            assert (await running.first.get(issued.body["id"])).body["detail"] == "Confirmation invalid"
        finally:
            await node.stop()


async def test_a_backup_under_load_is_whole(tmp_path: Path) -> None:
    async with server_env(tmp_path, vehicles=40) as running:
        fleet = [f"9KTFLEET{number:09d}" for number in range(1, 41)]
        backup = running.node.administer("backup", {"file": str(tmp_path / "backup.db")})
        answers, _ = await asyncio.gather(
            asyncio.gather(*(running.first.post(vin, "lock_door") for vin in fleet)), backup
        )
        assert {answer.code for answer in answers} == {200}

        node = await restored(running, tmp_path / "backup.db")
        try:
            for row in StoreReader(tmp_path / "data").rows("SELECT id, status FROM command"):
                assert (await running.first.final(row["id"], status="Success"))["status"] == "Success"
            for vin in fleet:
                assert await running.actuations(vin) == ["lock_door"]
        finally:
            await node.stop()


async def test_a_backup_is_for_its_owner_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    async with server_env(tmp_path) as running:
        file = tmp_path / "backup.db"
        await running.node.administer("backup", {"file": str(file)})
        before = file.read_bytes()

        with pytest.raises(OperationError, match="exists already"):
            await running.node.administer("backup", {"file": str(file)})

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == before


async def test_a_damaged_backup_and_a_running_server_are_refused(tmp_path: Path) -> None:
    async with server_env(tmp_path) as running:
        await running.node.administer("backup", {"file": str(tmp_path / "backup.db")})
        with pytest.raises(StoreRefused, match="in use"):
            restore(running.settings, tmp_path / "backup.db")
        await running.node.stop()
        (tmp_path / "rubbish.db").write_bytes(b"no database at all" * 500)
        before = StoreReader(tmp_path / "data").rows("SELECT count(*) AS n FROM company")

        with pytest.raises(StoreRefused, match="rubbish"):
            restore(running.settings, tmp_path / "rubbish.db")

        assert StoreReader(tmp_path / "data").rows("SELECT count(*) AS n FROM company") == before
