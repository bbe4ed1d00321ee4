"""Somebody who may write the database or the backups, and has no key file, wants another past, or none."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from keyturn.administration import restore
from keyturn.app import Node
from keyturn.audit.encoding import Content, entry_hash
from keyturn.audit.personal import split_body
from keyturn.cli.root import run
from keyturn.config.settings import AuditSettings, Settings
from keyturn.store.port import ReadTx
from tests.support.clock import eventually
from tests.support.receiver import Receiver
from tests.support.server_env import server_env
from tests.support.store_reader import changed, connect

from .watch import told, watched

PARKED = "9KTPARKED00000001"
ENTRIES = """
SELECT coalesce(company_id, ''), number, personal, personal_hash,
  company_id, at, actor, kind, vehicle_id, command_id, body
FROM entry WHERE number IS NOT NULL ORDER BY coalesce(company_id, ''), number
"""


class Desk:
    """The shell of the machine, with no server running."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = folder / "data"
        self.backup = folder / "backup.db"
        self.filed = folder / "elsewhere"
        self._capsys = capsys

    def tell(self, *words: object) -> tuple[int, dict[str, Any]]:
        """Exit code, and what was said in JSON."""
        self._capsys.readouterr()
        status = run([*map(str, words), "--data", str(self.data), "--json"])
        said = self._capsys.readouterr()
        lines = (said.out if said.out.strip() else said.err).strip().splitlines()
        return status, json.loads(lines[-1])

    def verify(self, *words: object) -> tuple[int, dict[str, Any]]:
        return self.tell("audit", "verify", "--checkpoints", self.filed, "--public-key", self.key(), *words)

    def key(self) -> Path:
        """Kept elsewhere since the first day."""
        file = self.data.parent / "key.pem"
        if not file.exists():
            self._capsys.readouterr()
            assert run(["audit", "key", "--data", str(self.data)]) == 0
            file.write_text(self._capsys.readouterr().out)
        return file


def audited(folder: Path) -> AuditSettings:
    return AuditSettings(checkpoint_file=str(folder / "elsewhere"))


def made(folder: Path) -> Settings:
    """A node with some history, a checkpoint that has left, and a backup; more history behind them; stopped."""

    async def work() -> Settings:
        async with server_env(folder, audit=audited(folder)) as s:
            await s.done(PARKED, "lock_door")
            await s.node.administer("audit checkpoint", {})
            await s.node.administer("backup", {"file": str(folder / "backup.db")})
            await s.done(PARKED, "unlock_door")
            await s.node.administer("audit checkpoint", {})
            await eventually(lambda: s.node.store.read(all_left))
            return s.settings

    return asyncio.run(work())


def lived(settings: Settings) -> None:
    """A server starts, signs what there is, and its checkpoints leave."""

    async def work() -> None:
        node = Node(settings)
        await node.start()
        try:
            await node.administer("company add", {"name": "third"})
            await node.administer("audit checkpoint", {})
            await eventually(lambda: node.store.read(all_left))
        finally:
            await node.stop()

    asyncio.run(work())


def all_left(tx: ReadTx) -> bool:
    return tx.one("SELECT 1 FROM chain_checkpoint WHERE id > (SELECT delivered FROM checkpoint_outlet)") is None


def write(file: Path, *statements: str) -> None:
    with closing(connect(file)) as connection:
        for statement in statements:
            assert changed(connection, statement)


def recompute(file: Path) -> None:
    """Every hash of every chain, made anew over what the entries say now."""
    with closing(connect(file)) as connection, connection:
        prev: dict[str, bytes] = {}
        rows: list[tuple[Any, ...]] = connection.execute(ENTRIES).fetchall()
        for chain, number, names, personal_hash, *columns, body in rows:
            opened, _personal = split_body(body, json.loads(names) if names else ())
            before = prev.get(chain, bytes(32))
            prev[chain] = entry_hash(number, before, Content(*(*columns, opened)), personal_hash)
            connection.execute(
                "UPDATE entry SET prev = ?, hash = ? WHERE coalesce(company_id, '') = ? AND number = ?",
                (before, prev[chain], chain, number),
            )
        for chain, digest in prev.items():
            connection.execute(
                "UPDATE chain_head SET hash = ?, checkpoint_hash = NULL, checkpoint_number = 0 WHERE chain = ?",
                (digest, chain),
            )


def test_a_history_written_anew_with_its_checkpoints_deleted_and_the_epoch_raised_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = made(tmp_path)
    desk = Desk(tmp_path, capsys)
    assert desk.verify()[0] == 0
    file = desk.data / "keyturn.db"
    write(file, "UPDATE entry SET actor = 'nobody' WHERE kind = 'command.registered'", "DELETE FROM chain_checkpoint")
    write(file, "UPDATE store_fact SET value = '2' WHERE name = 'epoch'")
    recompute(file)
    lived(settings)

    for words in ((), ("--acknowledge-epoch", 2), ("--acknowledge-epoch", 1, "--acknowledge-epoch", 2)):
        status, report = desk.verify(*words)
        assert (status, report["sound"]) == (4, False)
        assert "rewritten" in {finding["what"] for finding in report["findings"]}
    assert desk.tell("audit", "acknowledge", 2)[1]["code"] == "restore_not_found"


def test_an_honest_restore_is_sound_at_once_and_ends_with_4_until_its_epoch_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = made(tmp_path)
    desk = Desk(tmp_path, capsys)
    assert desk.verify()[0] == 0

    status, told_then = desk.tell("restore", desk.backup)
    made_at = told_then.pop("made_at")
    assert (status, told_then) == (0, {"restored": str(desk.backup), "epoch": 2, "signature": "signed"})
    assert made_at, "so that nobody takes an old backup for the newest"

    status, report = desk.verify()
    assert (status, report["sound"]) == (4, True)
    assert {finding["what"] for finding in report["findings"]} >= {"restored", "unacknowledged"}
    assert desk.verify("--acknowledge-epoch", 2)[0] == 0
    assert desk.tell("audit", "acknowledge", 2)[0] == 0
    assert desk.verify()[0] == 0
    lived(settings)
    assert (desk.verify()[0], desk.tell("audit", "verify")[0]) == (0, 0)

    lines = [json.loads(json.loads(line)["statement"]) for line in desk.filed.read_bytes().splitlines()]
    assert {line["epoch"] for line in lines} == {1, 2}, "the checkpoints of the restore have left too"


def test_a_changed_backup_is_not_restored_and_cars_stay_under_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Triggers that delete entries and close records, and an application that is another company's by now."""
    made(tmp_path)
    desk = Desk(tmp_path, capsys)
    before = (desk.data / "keyturn.db").read_bytes()
    write(
        desk.backup,
        "CREATE TRIGGER hush AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE seq = NEW.seq; END",
        "UPDATE application SET company_id = (SELECT id FROM company WHERE name = 'second'), name = id",
    )

    status, said = desk.tell("restore", desk.backup)
    assert (status, said["code"]) == (3, "store_refused")
    assert "--unsigned" in said["detail"]
    status, said = desk.tell("restore", desk.backup, "--unsigned")
    assert (status, said["code"]) == (3, "store_refused")
    assert "hush" in said["detail"]
    assert (desk.data / "keyturn.db").read_bytes() == before
    assert desk.verify()[0] == 0


def test_the_administrators_hear_of_a_restore_and_of_a_missing_signature(tmp_path: Path) -> None:
    async def work() -> set[str]:
        async with watched(tmp_path) as (s, receiver):
            backup = tmp_path / "backup.db"
            await s.node.administer("backup", {"file": str(backup)})
            await s.node.stop()
            backup.with_name("backup.db.sig").unlink()
            write(backup, "UPDATE alert_cursor SET seq = 1000000")  # as if all that comes had been told
            write(backup, "INSERT INTO alert_tally VALUES ('store.restored', '', 9000000000000000, 1000, 7)")
            return await heard_after(s.settings, backup, receiver)

    assert asyncio.run(work()) >= {"store.restored", "backup.unverified"}


async def heard_after(settings: Settings, backup: Path, receiver: Receiver) -> set[str]:
    restore(settings, backup, unsigned=True)
    node = Node(settings)
    await node.start()
    try:
        await eventually(lambda: told(receiver, "store.restored") and told(receiver, "backup.unverified"))
    finally:
        await node.stop()
    return {post.message["kind"] for post in receiver.posts}
