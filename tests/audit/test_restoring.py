"""What a restore makes of whatever it finds, and what verification needs to know of it afterwards."""

from contextlib import closing
from pathlib import Path

import pytest

from keyturn.audit import chain_queries, journal
from keyturn.audit.checkpoints import SignedStatement
from keyturn.store.port import StoreRefused
from tests.support.audit_env import KEYRING, AuditEnv, faults, restored, verify_export
from tests.support.store_reader import connect

A = "company-a"
KEY = [KEYRING.checkpoint_key]


def test_entries_that_the_backup_had_not_sealed_are_no_fault(env: AuditEnv, tmp_path: Path) -> None:
    env.add_entries(6)  # not sealed yet
    backup = env.back_up(tmp_path / "late.db")
    kept = env.checkpoint()

    env.restore(backup)

    assert faults(env.verify(keys=KEY, kept=kept)) == []


def test_each_restore_has_an_epoch_of_its_own_also_where_the_machine_was_lost(
    env: AuditEnv, backup: Path, kept: list[SignedStatement], tmp_path: Path
) -> None:
    file = tmp_path / "kept.jsonl"
    env.restore(backup)
    env.add_entries(9)
    env.checkpoint()
    kept += [SignedStatement(*row) for row in env.rows("SELECT statement, signature, key FROM chain_checkpoint")]
    file.write_bytes(b"".join(signed.line for signed in kept) + b"no checkpoint\n")
    anew = AuditEnv(tmp_path / "new machine")

    assert anew.restore(backup, kept=file) == 3
    assert anew.restore(backup) == 4
    report = anew.verify(keys=KEY, kept=kept)
    assert faults(report) == []
    assert len(report.unacknowledged) == 3


def test_a_company_missing_from_the_backup_is_reported_as_restored(env: AuditEnv, backup: Path) -> None:
    env.write(lambda tx: journal.record(tx, "company.added", company_id="company-c", actor="x"))
    kept = env.checkpoint()
    env.restore(backup)
    report = env.verify(keys=KEY, kept=kept)
    assert faults(report) == []
    assert ("restored", "company-c") in {(finding.what.value, finding.company) for finding in report.findings}

    rows = "DELETE FROM {} WHERE chain = 'company-b'"
    env.tamper(*(rows.format(table) for table in ("chain_head", "chain_checkpoint")))
    env.tamper("DELETE FROM entry WHERE company_id = 'company-b'")
    assert ("cut", "company-b", 1) in faults(env.verify(keys=KEY, kept=kept))


def test_an_export_of_a_later_part_brings_the_restores_before_it_along(
    env: AuditEnv, backup: Path, kept: list[SignedStatement], tmp_path: Path
) -> None:
    env.restore(backup)
    env.add_entries(30)
    env.checkpoint()
    whole = env.export(tmp_path / "whole.jsonl")
    part = env.export(tmp_path / "part.jsonl", first=15)

    for file in (whole, part):
        report = verify_export(file, keys=KEY, kept=kept)
        assert faults(report) == []
        assert {finding.company for finding in report.unacknowledged} == {A, "company-b", None}


def test_a_checkpoints_id_is_never_given_twice(env: AuditEnv, backup: Path) -> None:
    def newest() -> int:
        return int(env.rows("SELECT max(id) FROM chain_checkpoint")[0][0])

    before = newest()
    env.tamper("DELETE FROM chain_checkpoint")
    env.checkpoint()
    assert env.rows("SELECT min(id) FROM chain_checkpoint")[0][0] > before

    highest = newest()
    env.tamper("DELETE FROM chain_checkpoint", "DELETE FROM store_fact WHERE name = 'checkpoint'")
    env.tamper(
        "INSERT INTO checkpoint_outlet (name, delivered) VALUES ('checkpoint_file', :delivered)", delivered=highest
    )
    env.add_entries(3)
    env.checkpoint()
    assert env.rows("SELECT min(id) FROM chain_checkpoint")[0][0] > highest


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET seq = 9223372036854775807 WHERE seq = (SELECT max(seq) FROM entry)",
        "UPDATE chain_head SET hash = 'no hash', number = -1",
        "UPDATE chain_head SET number = 3 WHERE chain = 'company-a'",
        "UPDATE store_fact SET value = '9223372036854775807' WHERE name = 'epoch'",
        "UPDATE entry SET at = 9000000000000000000 WHERE seq = (SELECT max(seq) FROM entry)",
    ],
)
def test_a_backup_whose_chains_do_not_take_the_entry_is_refused_and_nothing_is_changed(
    env: AuditEnv, backup: Path, statement: str
) -> None:
    with closing(connect(backup)) as connection:
        connection.execute(statement)
    before = (env.data / "keyturn.db").read_bytes()

    with pytest.raises(StoreRefused, match="cannot be entered"):
        env.restore(backup, unsigned=True)

    assert (env.data / "keyturn.db").read_bytes() == before
    left = {path.name for path in env.data.iterdir()} - {"keyturn.db", "keyturn.db-wal", "keyturn.db-shm"}
    assert left == set()


def test_restores_are_found_by_an_index(env: AuditEnv) -> None:
    plan = " ".join(row[-1] for row in env.rows("EXPLAIN QUERY PLAN " + chain_queries._RESTORE_ENTRIES))
    assert "USING INDEX entry_restored" in plan
    assert "SCAN" not in plan


@pytest.mark.parametrize("spoil", ["rubbish", "view", "gone"])
def test_a_backup_is_restored_whatever_is_in_its_place(env: AuditEnv, backup: Path, spoil: str) -> None:
    """The database there may be damaged, or somebody's work: nothing that it says is needed, or believed unsigned."""
    env.restore(backup)
    present = env.data / "keyturn.db"
    if spoil == "view":
        env.tamper("ALTER TABLE store_fact RENAME TO facts")
        env.tamper("CREATE VIEW store_fact AS SELECT name, '1' AS value FROM facts")
    elif spoil == "rubbish":
        present.write_bytes(b"no database at all" * 1000)
    else:
        present.unlink()

    assert env.restore(backup) == 3
    assert (env.data / "keyturn.db.before-3").exists() is (spoil != "gone")
    assert faults(env.verify(keys=KEY)) == []
    assert all('"replaced":null' in str(body["statement"]) for _company, body in restored(env))
