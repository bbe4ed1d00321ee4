"""The watch goes on, whatever a verification meets."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from keyturn.audit import chain_queries, integrity_monitor
from keyturn.audit.chain_queries import Head
from keyturn.audit.checkpoints import SignedStatement
from keyturn.audit.findings import Faults
from keyturn.audit.integrity_monitor import CHAIN_FAULT, EXTERNAL_CHECKPOINT_FAULT, IntegrityMonitor
from keyturn.store.port import ReadTx, Store
from tests.support.audit_env import KEYRING, AuditEnv, rewrite
from tests.support.clock import eventually


def test_a_verification_that_fails_is_a_fault_until_one_succeeds(
    env: AuditEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails, heads = [True, True], chain_queries.heads

    def tripped(tx: ReadTx) -> list[Head]:
        if fails:
            fails.pop()
            raise KeyError("what nobody thought of")
        return heads(tx)

    async def work(store: Store) -> list[bool]:
        faults = Faults(store)
        running = asyncio.create_task(IntegrityMonitor(store, KEYRING, 100, faults).run())
        try:
            await eventually(lambda: not fails and CHAIN_FAULT not in faults)
            return [running.done()]
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    monkeypatch.setattr(chain_queries, "heads", tripped)
    monkeypatch.setattr(integrity_monitor, "_PAUSE", 0.0)

    assert env.run(work) == [False]
    monkeypatch.undo()
    faults = env.rows("SELECT body FROM entry WHERE kind = 'chain.fault'")
    assert len(faults) == 1
    assert "what nobody thought of" in faults[0][0]


def kept_in(env: AuditEnv, file: Path) -> None:
    lines = env.rows("SELECT statement, signature, key FROM chain_checkpoint ORDER BY id")
    with file.open("ab") as target:
        target.writelines(SignedStatement(*line).line for line in lines)


def looked(env: AuditEnv, file: Path) -> list[str]:
    """What a server tells that starts beside the file of checkpoints."""

    async def work(store: Store) -> None:
        await IntegrityMonitor(store, KEYRING, 100, Faults(store), file).verify()

    env.run(work)
    return [json.loads(body)["about"] for (body,) in env.rows("SELECT body FROM entry WHERE kind = 'chain.fault'")]


def test_a_server_compares_its_chains_with_the_checkpoints_that_left_by_file(env: AuditEnv, tmp_path: Path) -> None:
    """The hashes made anew, the checkpoints in the database deleted: only the file knows of another past."""
    file = tmp_path / "kept"
    assert looked(env, file) == [], "no file yet"
    kept_in(env, file)
    assert looked(env, file) == []
    rewrite(env, 5)
    env.tamper("DELETE FROM chain_checkpoint", "UPDATE chain_head SET checkpoint_hash = NULL, checkpoint_number = 0")

    assert looked(env, file) == [EXTERNAL_CHECKPOINT_FAULT]


def test_a_chain_that_is_gone_is_missed_by_the_checkpoints_that_left_by_file(env: AuditEnv, tmp_path: Path) -> None:
    kept_in(env, tmp_path / "kept")
    rows = "DELETE FROM {} WHERE chain = 'company-b'"
    env.tamper(*(rows.format(table) for table in ("chain_head", "chain_checkpoint")))
    env.tamper("DELETE FROM entry WHERE company_id = 'company-b'")

    assert looked(env, tmp_path / "kept") == [EXTERNAL_CHECKPOINT_FAULT]


def test_an_honest_restore_agrees_with_the_checkpoints_that_left_by_file(env: AuditEnv, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    backup = env.back_up(tmp_path / "backup.db")
    env.add_entries(9)
    env.checkpoint()
    kept_in(env, file)
    env.restore(backup, kept=file)
    assert looked(env, file) == []
    env.add_entries(9)
    env.checkpoint()
    kept_in(env, file)

    assert looked(env, file) == []
