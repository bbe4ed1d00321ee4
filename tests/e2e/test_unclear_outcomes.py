"""A command that may have happened: what a reading of the vehicle can prove, and that it is never sent again."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.oem import DROP, Ending, Oem, ReceivedRequest, answer

from .scripted import VIN, commands_of, scripted

pytestmark = pytest.mark.anyio


def reporting(oem: Oem, locked: Callable[[], bool]) -> None:
    """From now on a state read says whether the doors are locked, and that it is so now."""
    otherwise = oem.script

    def script(seen: ReceivedRequest) -> Ending:
        if not seen.target.endswith("/state"):
            return otherwise(seen)
        now = datetime.now(UTC).isoformat()
        signal = {"value": locked(), "observed_at": now, "as_of": now}
        return answer(200, {"reachable": True, "last_contact": now, "signals": {"doors_locked": signal}})

    oem.script = script


async def test_a_changed_reading_proves_that_it_was_done(tmp_path: Path) -> None:
    async with scripted(tmp_path, DROP) as (s, oem):
        reporting(oem, lambda: bool(commands_of(oem)))
        locking = await s.first.post(VIN, "lock_door")
        record = await s.first.final(locking.body["id"])
        assert (record["status"], list(record["detail"])) == ("Success", ["date_time"])
        await s.has_state(locking.body["id"], "Verified")
        assert len(commands_of(oem)) == 1


@pytest.mark.parametrize("locked", [True, False])
async def test_a_reading_that_did_not_change_proves_nothing(tmp_path: Path, locked: bool) -> None:
    """Neither that it was done, where it was so before, nor that it was not."""
    async with scripted(tmp_path, DROP) as (s, oem):
        reporting(oem, lambda: locked)
        locking = (await s.first.post(VIN, "lock_door")).body["id"]
        await s.eventually(lambda: len(oem.to("/operations?client_ref")) >= 4)
        assert (await s.first.get(locking)).body["status"] == "Pending"
        s.advance(301)
        record = await s.first.final(locking)
        assert record["detail"] == "Outcome unknown. The vehicle may have executed the command."
        assert s.store.command(locking)["state"] == "Unknown"
        assert len(commands_of(oem)) == 1


async def test_a_command_of_unclear_outcome_leaves_the_lane_to_the_next(tmp_path: Path) -> None:
    async with scripted(tmp_path, DROP, answer(202, {"operation": {"id": "7"}})) as (s, oem):
        unclear = (await s.first.post(VIN, "alert")).body["id"]
        following = (await s.first.post(VIN, "start")).body["id"]
        await s.has_state(following, "Accepted")
        assert s.store.command(unclear)["state"] == "Unknown"
        assert [seen.target.rpartition("/")[2] for seen in commands_of(oem)] == ["alert", "start"]


async def test_an_operation_found_by_look_up_is_asked_about(tmp_path: Path) -> None:
    """The connection broke, the OEM knows the command by our id, and tells later how it ended."""
    operation = {"id": "7", "status": "in_progress"}
    async with scripted(tmp_path, DROP) as (s, oem):
        otherwise = oem.script

        def script(seen: ReceivedRequest) -> Ending:
            if "client_ref" in seen.target:
                return answer(200, {"operations": [operation]})
            return answer(200, {"operation": operation}) if seen.target == "/operations/7" else otherwise(seen)

        oem.script = script
        starting = (await s.first.post(VIN, "start")).body["id"]
        await s.eventually(lambda: len(oem.to("/operations/7")) >= 1)
        assert (await s.first.get(starting)).body["status"] == "Pending"
        operation["status"] = "success"
        assert (await s.first.final(starting))["status"] == "Success"
        assert len(commands_of(oem)) == 1
