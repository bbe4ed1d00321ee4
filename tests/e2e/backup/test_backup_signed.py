"""Backups are signed: one that was changed, or is of unknown origin, is not restored without saying so."""

import hashlib
import json
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from keyturn.administration import open_offline, restore
from keyturn.app import Node
from keyturn.cli.root import run
from keyturn.errors import OperationError
from keyturn.store.backup_signature import SignatureFile, signature_of
from keyturn.store.port import StoreRefused, StructureChanged
from keyturn.store.sqlite.migration import known_migrations
from tests.support.server_env import ServerEnv, server_env
from tests.support.store_reader import StoreReader, changed, connect

pytestmark = pytest.mark.anyio
HUSH = "CREATE TRIGGER hush AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE seq = NEW.seq; END"
CLOSE = (
    "CREATE TRIGGER close_records AFTER INSERT ON immobilisation "
    "BEGIN UPDATE immobilisation SET state = 'closed' WHERE id = NEW.id; END"
)
MOVE = "UPDATE application SET company_id = (SELECT id FROM company WHERE name = 'second'), name = id"


def edit(file: Path, *statements: str) -> None:
    with closing(connect(file)) as connection:
        for statement in statements:
            assert changed(connection, statement)


@asynccontextmanager
async def stopped(tmp_path: Path) -> AsyncIterator[tuple[ServerEnv, Path]]:
    """A node that was backed up and stopped."""
    async with server_env(tmp_path) as s:
        file = tmp_path / "backup.db"
        await s.node.administer("backup", {"file": str(file)})
        await s.node.stop()
        yield s, file


def entries(s: ServerEnv, kind: str) -> list[dict[str, Any]]:
    rows = s.store.rows(f"SELECT actor, company_id, body FROM entry WHERE kind = '{kind}' ORDER BY seq")
    return [{"actor": row["actor"], "company": row["company_id"], **json.loads(row["body"])} for row in rows]


async def test_a_backup_is_signed_by_a_running_server_and_by_none(tmp_path: Path) -> None:
    async with stopped(tmp_path) as (s, running):
        offline = tmp_path / "offline.db"
        async with open_offline(s.settings) as bench:
            answer = await bench.administer("backup", {"file": str(offline)})
        assert answer == {"file": str(offline), "bytes": offline.stat().st_size, "signature": f"{offline}.sig"}

        for file, made in zip((running, offline), entries(s, "backup.made"), strict=True):
            signed = json.loads(signature_of(file).read_bytes())
            assert set(signed) == set(SignatureFile.__struct_fields__)
            statement = json.loads(signed["statement"])
            assert (statement["size"], statement["epoch"]) == (file.stat().st_size, 1)
            assert statement["schema"] == len(known_migrations())
            assert len(statement["heads"]) == 3
            assert statement["digest"] == made["digest"]
            assert stat.S_IMODE(signature_of(file).stat().st_mode) == 0o600
            assert signed["key"] not in (s.settings.key_file).read_text()

        assert restore(s.settings, offline).epoch == 2
        assert restore(s.settings, running).epoch == 3


async def test_the_copy_and_its_signature_leave_nothing_beside_them(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    async with server_env(tmp_path) as s:
        await s.node.administer("backup", {"file": str(place / "backup.db")})
        assert sorted(path.name for path in place.iterdir()) == ["backup.db", "backup.db.sig"]
        (place / "other.db.sig").write_text("")
        with pytest.raises(OperationError, match=r"other\.db\.sig exists already"):
            await s.node.administer("backup", {"file": str(place / "other.db")})
        assert not (place / "other.db").exists()


async def test_a_backup_into_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "open"
    place.mkdir()
    place.chmod(0o777)
    async with server_env(tmp_path) as s:
        with pytest.raises(OperationError, match="others may write this directory"):
            await s.node.administer("backup", {"file": str(place / "backup.db")})
        place.chmod(0o1777)  # sticky: nobody takes away what is another's
        await s.node.administer("backup", {"file": str(place / "backup.db")})
    assert stat.S_IMODE((place / "backup.db").stat().st_mode) == 0o600


async def test_a_file_that_somebody_put_there_for_the_copy_is_not_used(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    (tmp_path / "backup.db.partial").symlink_to(victim)
    (tmp_path / "link.db").symlink_to(tmp_path / "nowhere")
    async with server_env(tmp_path) as s:
        await s.node.administer("backup", {"file": str(tmp_path / "backup.db")})
        with pytest.raises(OperationError, match="exists already"):
            await s.node.administer("backup", {"file": str(tmp_path / "link.db")})
    assert victim.read_text() == "as it was"
    assert not (tmp_path / "nowhere").exists()


def without_signature(file: Path) -> None:
    signature_of(file).unlink()


def with_another_backups_signature(file: Path) -> None:
    signature_of(file).write_bytes(signature_of(file.with_name("other.db")).read_bytes())


def with_its_digest_put_right(file: Path) -> None:
    """Everything that can be done without the key."""
    edit(file, MOVE)
    signed = json.loads(signature_of(file).read_bytes())
    statement = json.loads(signed["statement"])
    statement |= {"digest": hashlib.sha256(file.read_bytes()).hexdigest(), "size": file.stat().st_size}
    signature_of(file).write_text(json.dumps(signed | {"statement": json.dumps(statement)}))


def with_rubbish(file: Path) -> None:
    signature_of(file).write_bytes(b"\xff\x00")


REFUSED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "an application was moved to another company": (
        lambda file: edit(file, MOVE),
        "one of the two was changed",
        "changed",
    ),
    "one octet more": (lambda file: file.write_bytes(file.read_bytes() + b"\0"), "one of the two was changed", ""),
    "it has no signature": (without_signature, "has no signature", "unsigned"),
    "it has another's signature": (with_another_backups_signature, "one of the two was changed", "changed"),
    "it was signed again without the key": (with_its_digest_put_right, "was not made with the key file", "foreign"),
    "its signature is none": (with_rubbish, "was not made with the key file", "foreign"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_backup_that_was_changed_or_is_not_signed_is_refused_without_the_option(
    tmp_path: Path, name: str
) -> None:
    change, said, verdict = REFUSED[name]
    async with stopped(tmp_path) as (s, file):
        async with open_offline(s.settings) as bench:
            await bench.administer("backup", {"file": str(tmp_path / "other.db")})
        change(file)
        before = (tmp_path / "data" / "keyturn.db").read_bytes()

        with pytest.raises(StoreRefused) as refused:
            restore(s.settings, file)

        assert said in str(refused.value)
        assert "--unsigned" in str(refused.value)
        assert (tmp_path / "data" / "keyturn.db").read_bytes() == before
        assert not [
            path.name for path in (tmp_path / "data").iterdir() if path.name.startswith((".key", "keyturn.db."))
        ]
        if verdict:
            assert restore(s.settings, file, unsigned=True).epoch == 2
            (told,) = entries(s, "backup.unverified")
            assert (told["actor"], told["company"], told["signature_verdict"]) == ("operator:local", None, verdict)
            assert {told["signature_verdict"] for told in entries(s, "store.restored")} == {verdict}


CHANGED: dict[str, tuple[Sequence[str], str]] = {
    "two triggers that delete entries and close records": ((HUSH, CLOSE), "trigger 'close_records' is none of its own"),
    "a view": (("CREATE VIEW truth AS SELECT 1",), "view 'truth' is none of its own"),
    "a constraint that is gone": (("DROP INDEX open_command_in_lane",), "'open_command_in_lane' is missing"),
}


@pytest.mark.parametrize("name", CHANGED)
async def test_a_backup_of_another_structure_is_refused_whatever_the_option(tmp_path: Path, name: str) -> None:
    statements, said = CHANGED[name]
    async with stopped(tmp_path) as (s, file):
        edit(file, *statements)
        with pytest.raises(StoreRefused, match="one of the two was changed"):
            restore(s.settings, file)
        with pytest.raises(StructureChanged, match=said):
            restore(s.settings, file, unsigned=True)


async def test_a_database_changed_in_place_does_not_start_and_does_not_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stopped(tmp_path) as (s, _file):
        edit(tmp_path / "data" / "keyturn.db", HUSH)
        with pytest.raises(StructureChanged, match="hush"):
            await Node(s.settings).start()
        assert run(["audit", "verify", "--data", str(tmp_path / "data")]) == 4
        assert "hush" in capsys.readouterr().err


async def test_a_database_of_another_structure_is_not_backed_up_as_if_it_were_well(tmp_path: Path) -> None:
    """The administrators hear of it when the backup is missing, and not when they need it."""
    async with server_env(tmp_path) as s:
        edit(tmp_path / "data" / "keyturn.db", HUSH)
        with pytest.raises(OperationError, match="hush"):
            await s.node.administer("backup", {"file": str(tmp_path / "backup.db")})
    assert not (tmp_path / "backup.db").exists()


async def test_a_database_in_use_is_no_backup(tmp_path: Path) -> None:
    """Its log would be left behind, or be somebody else's."""
    async with stopped(tmp_path) as (s, file):
        file.with_name("backup.db-wal").write_bytes(b"a log")
        with pytest.raises(StoreRefused, match="is no backup but a database in use"):
            restore(s.settings, file, unsigned=True)


async def test_a_backup_needs_the_key_file_that_it_was_made_with(tmp_path: Path) -> None:
    async with stopped(tmp_path) as (s, file), server_env(tmp_path / "elsewhere") as other:
        await other.node.stop()
        with pytest.raises(StoreRefused, match="was not made with the key file"):
            restore(other.settings, file)
        with pytest.raises(StoreRefused, match="belongs to another key file"):
            restore(other.settings, file, unsigned=True)
        s.settings.key_file.rename(tmp_path / "keys")
        with pytest.raises(StoreRefused, match=r"key file .* is missing"):
            restore(s.settings, file)


async def test_an_interrupted_restore_lets_no_server_start_until_it_was_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stopped(tmp_path) as (s, file):
        rename = Path.rename

        def died(self: Path, target: Any) -> Path:
            if Path(target).name == "keyturn.db":
                raise OSError(5, "Input/output error")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", died)
        with pytest.raises(StoreRefused):
            restore(s.settings, file)
        monkeypatch.undo()

        with pytest.raises(StoreRefused, match="interrupted"):
            await Node(s.settings).start()
        assert restore(s.settings, file).epoch == 3
        async with open_offline(s.settings):
            assert StoreReader(tmp_path / "data").rows("SELECT value FROM store_fact WHERE name = 'epoch'")
        assert (tmp_path / "data" / "keyturn.db.before-2").exists()
