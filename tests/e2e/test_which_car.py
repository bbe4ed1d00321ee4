"""A command reaches the car that it was asked for, and the way back reaches the car that stands still."""

from pathlib import Path

import pytest

from tests.support.operators import NOTICE, Staff
from tests.support.server_env import OEM_TOKEN, ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, RENTED = "9KTPARKED00000001", "9KTRENTED00000022"
NO_LONGER = "Command blocked by policy: no longer permitted."
ACCOUNT = {"account": "simulator", "company": "first"}
DEAD = {"token": "revoked at the OEM"}


async def set_aside(s: ServerEnv, vin: str) -> None:
    """The car is enrolled by nobody any more, and still there."""
    await s.node.administer("vehicle set", {"vehicle": vin, "active": False})


async def immobilise(s: ServerEnv, vin: str) -> None:
    await s.done(vin, "disable_ignition")
    await s.eventually(lambda: s.store.immobilisations(vin)[-1]["state"] == "confirmed")


async def test_a_disable_that_waits_never_reaches_the_car_that_the_vehicle_means_now(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await set_aside(s, RENTED)
        await s.held(PARKED, "lock_door")
        asked = await s.first.send(PARKED, "disable_ignition")
        await s.has_state(asked.body["id"], "Queued")

        await s.node.administer("vehicle set", {"vehicle": PARKED, "external_id": RENTED})
        await s.let_go(PARKED)

        record = await s.first.final(asked.body["id"])
        assert (record["status"], record["detail"]) == ("Error", NO_LONGER)
        assert await s.actuations(RENTED) == []
        assert "disable_ignition" not in await s.actuations(PARKED)
        assert s.store.command(asked.body["id"])["external_id"] == PARKED


async def test_the_order_and_the_record_name_the_car(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await immobilise(s, PARKED)

        (sent,) = s.store.entries("command.Dispatching")
        assert sent["body"]["external_id"] == PARKED
        (held,) = (await s.node.administer("immobilisation list", {}))["immobilisations"]
        assert held["external_id"] == PARKED
        told = await s.node.administer("command dossier", {"command": held["opened_by"]})
        assert told["command"]["external_id"] == PARKED


async def test_an_enable_goes_to_where_the_disable_went(tmp_path: Path) -> None:
    """Whatever the vehicle's row says meanwhile: here somebody wrote another car's name into it."""
    async with server_env(tmp_path) as s:
        await set_aside(s, RENTED)
        await immobilise(s, PARKED)
        aside = "UPDATE vehicle SET external_id = :other, name_space = NULL WHERE vin = :vin"
        await s.node.store.write(lambda tx: tx.run(aside, other=RENTED, vin=PARKED))

        await s.done(PARKED, "enable_ignition")

        assert await s.actuations(PARKED) == ["disable_ignition", "enable_ignition"]
        assert await s.actuations(RENTED) == []


async def test_a_car_whose_oem_tells_another_vin_is_not_acted_on_but_always_enabled(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await set_aside(s, RENTED)
        await s.vehicle("9KTINVENTED000001", external_id=RENTED)

        asked = await s.first.send("9KTINVENTED000001", "disable_ignition")
        record = await s.first.final(asked.body["id"]) if asked.code == 200 else asked.body
        assert NO_LONGER in str(record)
        assert (await s.first.send("9KTINVENTED000001", "lock_door")).body["detail"] == NO_LONGER
        assert await s.actuations(RENTED) == []
        assert [entry["body"]["why"] for entry in s.store.entries("vehicle.identity_conflict")] == ["vin"]
        enable = await s.first.send("9KTINVENTED000001", "enable_ignition")
        assert enable.code != 403, enable


async def test_dead_new_credentials_do_not_strand_an_immobilised_vehicle(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await immobilise(s, PARKED)

        await s.node.administer("account set", {**ACCOUNT, "credentials": DEAD})
        await s.done(PARKED, "enable_ignition")

        assert await s.actuations(PARKED) == ["disable_ignition", "enable_ignition"]
        assert (await s.first.send(PARKED, "lock_door")).body["status"] != "Success"


async def test_former_credentials_go_once_the_new_ones_have_read_a_vehicle(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await immobilise(s, PARKED)

        await s.node.administer("account set", {**ACCOUNT, "credentials": OEM_TOKEN})

        await s.eventually(lambda: s.store.entries("account.former_credentials_dropped") != [])
        assert s.store.rows("SELECT * FROM former_credentials") == []


async def test_proposed_credentials_serve_what_restores_once_they_read_where_the_old_ones_cannot(
    tmp_path: Path,
) -> None:
    async with server_env(tmp_path) as s:
        await immobilise(s, PARKED)
        staff = Staff(s)
        await staff.hire("ana", "admin", company=None)
        await s.replace_token("after the leak")

        change = await staff.do("ana", "account set", **ACCOUNT, credentials={"token": "after the leak"})

        assert change["state"] == "pending"
        assert "after the leak" not in str(change)
        await s.eventually(lambda: s.store.entries("account.credentials_proven") != [])
        await s.done(PARKED, "enable_ignition")
        assert await s.actuations(PARKED) == ["disable_ignition", "enable_ignition"]
        assert (await s.first.send(RENTED, "lock_door")).body["status"] != "Success"
        s.advance(NOTICE + 1)
        await s.node.administration.apply_due_changes()
        assert (await s.node.administer("change show", {"change": change["change"]}))["state"] == "applied"
        await s.done(PARKED, "lock_door")
