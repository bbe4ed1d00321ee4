"""A whole node: what it does is sealed, its chains are verified, and its stories told."""

import asyncio
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from keyturn.app import Node
from keyturn.audit.archive import DatabaseArchive, verify
from keyturn.cli.root import run
from keyturn.config.settings import AuditSettings
from keyturn.dossier.page import render
from tests.support.audit_env import AuditEnv, faults
from tests.support.clock import eventually
from tests.support.server_env import ServerEnv, server_env

from ..store.adapters import database

PARKED = "9KTPARKED00000001"
NOT_LEAVING = "Checkpoints do not leave by checkpoint_command."
SCRIPT = "<script>alert('x')</script>&\"'"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVER_DATA", "SERVER_PORT"):
        monkeypatch.delenv(f"KEYTURN_{name}", raising=False)


async def sealed(s: ServerEnv) -> None:
    """Returns once nobody has anything more to tell of a command, and nothing is unsealed."""
    await s.eventually(lambda: not s.store.rows("SELECT 1 FROM open_command"))
    behind = "SELECT 1 FROM entry WHERE number IS NULL"
    await s.eventually(lambda: not s.store.rows(behind))


def test_a_node_seals_what_it_does_and_leaves_nothing_unsealed(tmp_path: Path) -> None:
    async def work() -> None:
        async with server_env(tmp_path) as s:
            await s.done(PARKED, "lock_door")
            await sealed(s)
            assert s.node.ready() == {}

    asyncio.run(work())

    with database(tmp_path / "data").read_offline() as tx:
        report = verify(DatabaseArchive(tx))
    assert report.findings == ()
    assert len(report.chains) == 3


def test_a_node_whose_chain_was_tampered_with_is_not_ready_and_reports_it(tmp_path: Path) -> None:
    async def first() -> Any:
        async with server_env(tmp_path) as s:
            await s.done(PARKED, "lock_door")
            return s.settings

    async def again(settings: Any) -> dict[str, str]:
        node = Node(settings)
        await node.start()
        try:
            return dict(await eventually(node.ready))
        finally:
            await node.stop()

    settings = asyncio.run(first())
    env = AuditEnv(tmp_path / "data")
    env.tamper("UPDATE entry SET actor = 'nobody' WHERE kind = 'command.Executed'")

    assert asyncio.run(again(settings)) == {"audit": "The audit chain is broken."}
    (row,) = env.rows("SELECT body FROM entry WHERE kind = 'chain.fault'")
    assert json.loads(row[0])["finding"]["what"] == "edited"


def test_a_node_whose_checkpoints_do_not_leave_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyturn.audit.shipper.DELAY_CHECK_INTERVAL", 0.05)

    async def work() -> None:
        async with server_env(tmp_path, audit=AuditSettings(checkpoint_command=("/nowhere/keep",))) as s:
            await s.done(PARKED, "lock_door")
            await s.node.administer("audit checkpoint", {})
            assert s.node.ready() == {}
            s.clock.suspend(1000)
            await s.eventually(lambda: s.node.ready().get("checkpoints") == NOT_LEAVING)

    asyncio.run(work())


class Page(HTMLParser):
    """What of a page could run or be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_a_dossier_is_complete_and_its_page_is_only_text(tmp_path: Path) -> None:
    async def work() -> dict[str, Any]:
        async with server_env(tmp_path) as s:
            await s.node.administer("company set", {"company": "first", "name": SCRIPT})
            record = await s.done(PARKED, "lock_door")
            await sealed(s)
            await s.node.administer("audit checkpoint", {})
            return await s.node.administer("command dossier", {"command": record["id"]})

    story = json.loads(json.dumps(asyncio.run(work())))
    kinds = [entry["kind"] for entry in story["entries"]]

    assert kinds[0] == "command.registered"
    assert {"command.Dispatching", "command.Accepted", "command.Executed"} <= set(kinds)
    assert all(entry["number"] and re.fullmatch("[0-9a-f]{64}", entry["hash"]) for entry in story["entries"])
    assert json.loads(story["checkpoint"]["statement"])["number"] >= story["entries"][-1]["number"]
    assert {row["verdict"] for row in story["evidence"]} == {"met"}
    assert all("age" in sight for row in story["evidence"] for sight in row["signals"].values())
    assert story["vehicle"]["vin"] == PARKED
    assert story["asked_by"]["company"] == SCRIPT

    page = Page()
    text = render(story)
    page.feed(text)
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td", "pre",
    }  # fmt: skip
    assert page.attributes <= {"lang", "charset", "http-equiv", "content"}
    assert SCRIPT not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;&#x27;" in text
    for entry in story["entries"]:
        assert entry["hash"] in text


def test_the_command_line_from_checkpoint_to_verification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With no server, on the store itself."""
    asyncio.run(_made(tmp_path))
    data = ("--data", str(tmp_path / "data"))

    def keyturn(*words: str) -> tuple[int, str]:
        status = run([*words])
        output = capsys.readouterr()
        return status, output.out + output.err

    assert keyturn("audit", "checkpoint", *data)[0] == 0
    status, pem = keyturn("audit", "key", *data)
    (tmp_path / "key.pem").write_text(pem)
    key = ("--public-key", str(tmp_path / "key.pem"))
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    file = str(tmp_path / "export.jsonl")
    assert keyturn("audit", "export", file, "--company", "first", *data)[0] == 0
    assert keyturn("audit", "export", file, *data)[0] == 2
    assert Path(file).stat().st_mode & 0o777 == 0o600  # it has the salts

    status, output = keyturn("audit", "verify", file, *key)
    assert (status, output.splitlines()[-1]) == (0, "The chains are sound.")
    assert keyturn("audit", "verify", *data, *key)[0] == 0

    AuditEnv(tmp_path / "data").tamper("UPDATE entry SET at = at + 1 WHERE kind = 'company.added'")
    status, output = keyturn("audit", "verify", *data, *key, "--json")
    assert status == 4
    assert {fault["what"] for fault in json.loads(output)["findings"] if fault["number"]} == {"edited"}
    assert keyturn("audit", "verify", str(tmp_path / "key.pem"))[0] == 2
    assert keyturn("audit", "verify", "--data", str(tmp_path / "nowhere"))[0] == 3


async def _made(tmp_path: Path) -> None:
    async with server_env(tmp_path):
        pass


def test_the_dossier_is_two_files_for_their_owner_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> str:
        async with server_env(tmp_path) as s:
            return str((await s.done(PARKED, "lock_door"))["id"])

    command_id = asyncio.run(work())
    out = tmp_path / "out"

    assert run(["dossier", command_id, "--out", str(out), "--data", str(tmp_path / "data")]) == 0
    files = sorted(out.iterdir())
    assert [file.name for file in files] == [f"dossier-{command_id}.html", f"dossier-{command_id}.json"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert json.loads(files[1].read_text())["command"]["id"] == command_id
    assert run(["dossier", "no-such", "--data", str(tmp_path / "data")]) == 1
    assert faults(AuditEnv(tmp_path / "data").verify()) == []
