"""The immobilisation record of a running node: reminders, keep enabling, the list and the sheet, over restarts too."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.app import Node
from keyturn.cli.root import run
from keyturn.config.settings import ImmobilisationSettings
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, RENTED = "9KTPARKED00000001", "9KTRENTED00000022"
QUICK = ImmobilisationSettings(keep_enabling_pause=0.2)
NASTY = "<script>alert('1')</script>"


async def restarted(s: ServerEnv) -> Node:
    """The node stopped, and a new one started on its data. Whoever calls stops it."""
    await s.node.stop()
    node = Node(s.settings, clock=s.clock)
    s.first.url = await node.start()
    return node


async def immobilise(s: ServerEnv, vin: str) -> None:
    await s.done(vin, "disable_ignition")
    await s.eventually(lambda: s.store.immobilisations(vin)[-1]["state"] == "confirmed")


def ended(s: ServerEnv) -> list[str]:
    return [entry["body"]["ending"] for entry in s.store.entries("keep_enabling.ended")]


def enables(s: ServerEnv, vin: str) -> list[dict[str, Any]]:
    return [row for row in s.store.commands_of(vin) if row["name"] == "enable_ignition"]


async def test_keep_enabling_waits_for_coverage_and_ends_with_the_record(tmp_path: Path) -> None:
    async with server_env(tmp_path, immobilisation=QUICK) as s:
        await immobilise(s, PARKED)
        await s.set_vehicle(PARKED, reachable=False)
        await s.node.administer("keep-enabling start", {"vehicle": PARKED})
        await s.eventually(lambda: keep_looks(s) > 2)
        assert enables(s, PARKED) == []

        await s.set_vehicle(PARKED, reachable=True)

        await s.eventually(lambda: ended(s) == ["closed"])
        assert s.store.immobilisations(PARKED)[-1]["state"] == "closed"
        assert await s.actuations(PARKED) == ["disable_ignition", "enable_ignition"]
        (enable,) = enables(s, PARKED)
        assert enable["actor"] == "operator:local"
        assert s.store.immobilisations(PARKED)[-1]["closed_by"] == enable["id"]


def keep_looks(s: ServerEnv) -> int:
    """How many pauses have gone by since it began."""
    (row,) = s.store.rows("SELECT next_at - started_at AS passed FROM keep_enabling")
    return int(row["passed"] / 200_000)


async def test_keep_enabling_survives_a_restart(tmp_path: Path) -> None:
    async with server_env(tmp_path, immobilisation=QUICK) as s:
        await immobilise(s, PARKED)
        await s.set_vehicle(PARKED, reachable=False)
        await s.node.administer("keep-enabling start", {"vehicle": PARKED})
        node = await restarted(s)
        try:
            await s.set_vehicle(PARKED, reachable=True)
            await s.eventually(lambda: ended(s) == ["closed"])
        finally:
            await node.stop()


async def test_a_cancelled_one_issues_nothing_more(tmp_path: Path) -> None:
    async with server_env(tmp_path, immobilisation=QUICK) as s:
        for vin in (PARKED, RENTED):
            await immobilise(s, vin)
            await s.set_vehicle(vin, reachable=False)
            await s.node.administer("keep-enabling start", {"vehicle": vin})
        await s.node.administer("keep-enabling cancel", {"vehicle": PARKED})
        for vin in (PARKED, RENTED):
            await s.set_vehicle(vin, reachable=True)

        await s.eventually(lambda: ended(s) == ["cancelled", "closed"])
        assert (len(enables(s, PARKED)), len(enables(s, RENTED))) == (0, 1)


async def test_a_reminder_is_an_event_once_over_restarts_too(tmp_path: Path) -> None:
    async with server_env(tmp_path, immobilisation=ImmobilisationSettings(reminders=(4.0, 1.0))) as s:
        await immobilise(s, PARKED)
        s.advance(3601)
        await s.eventually(lambda: hours(s) == [1.0])
        node = await restarted(s)
        try:
            s.advance(3 * 3600)
            await s.eventually(lambda: hours(s) == [1.0, 4.0])
        finally:
            await node.stop()


def hours(s: ServerEnv) -> list[float]:
    return [entry["body"]["hours"] for entry in s.store.entries("immobilisation.reminder")]


async def keyturn(capsys: pytest.CaptureFixture[str], s: ServerEnv, *words: str, code: int = 0) -> str:
    """What a command prints; it runs beside the node as a process of its own would."""
    capsys.readouterr()
    assert await asyncio.to_thread(run, [*words, "--data", s.settings.server.data]) == code
    out, err = capsys.readouterr()
    return out or err


async def test_the_list_and_the_orders_of_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with server_env(tmp_path) as s:
        assert json.loads(await keyturn(capsys, s, "immobilised", "--json")) == {"immobilisations": []}
        await immobilise(s, PARKED)
        await s.set_vehicle(PARKED, reachable=False)
        await keyturn(capsys, s, "notice", "add", PARKED, "--channel", "phone", "--text", "called")
        kept = json.loads(await keyturn(capsys, s, "enable", PARKED, "--keep", "--json"))
        (shown,) = json.loads(await keyturn(capsys, s, "immobilised", "--company", "first", "--json"))[
            "immobilisations"
        ]
        assert (shown["vin"], shown["state"], kept["by"]) == (PARKED, "confirmed", "operator:local")
        assert (shown["keep_enabling"]["since"], shown["notices"][0]["text"]) == (kept["since"], "called")
        table = await keyturn(capsys, s, "immobilised")
        assert PARKED in table
        assert "confirmed" in table
        await keyturn(capsys, s, "immobilisation", "close", PARKED, "--reason", "relay taken out")
        assert "held" in await keyturn(capsys, s, "immobilised"), "it stands still all the same"
        await s.eventually(lambda: ended(s) == ["closed"])


async def test_the_sheet_says_everything_also_when_the_system_is_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with server_env(tmp_path) as s:
        await immobilise(s, PARKED)
        await s.eventually(lambda: s.store.commands_of(PARKED)[0]["state"] == "Verified")
        await s.node.administer("notice add", {"vehicle": PARKED, "channel": "sms", "text": f"{NASTY}\x1b[2J"})
        with_server = await keyturn(capsys, s, "immobilised", "--sheet")
        await s.node.stop()
        page = tmp_path / "sheet.html"
        await keyturn(capsys, s, "immobilised", "--sheet", str(page))
        assert page.stat().st_mode & 0o777 == 0o600  # it tells of persons
        without_server = await keyturn(capsys, s, "immobilised", "--sheet")

        (sent,) = (row["id"] for row in s.store.commands_of(PARKED))
        html = page.read_text("utf-8")
        assert without_server.splitlines()[1:] == with_server.splitlines()[1:]
        for text in (html, with_server):
            wanted = (PARKED, "confirmed since", sent, "simulator (connector simulator)", "consent form 1")
            assert all(word in text for word in (*wanted, "disable_ignition", "Sign in at the OEM"))
        assert NASTY not in html
        assert "&lt;script&gt;" in html
        assert "\x1b" not in with_server


async def test_a_sheet_that_cannot_be_written_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with server_env(tmp_path) as s:
        nowhere = tmp_path / "no" / "sheet.html"
        assert "cannot be written" in await keyturn(capsys, s, "immobilised", "--sheet", str(nowhere), code=2)
        assert "--emergency-sheet" in await keyturn(capsys, s, "immobilised", str(nowhere), code=2)
