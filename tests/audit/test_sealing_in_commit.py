"""Entries are sealed within the commit that writes them; what cannot be is committed all the same, and sealed later."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keyturn.alerts.backups import record_made, report_if_old
from keyturn.audit import journal
from keyturn.audit.runtime import SEALING_FAULT
from keyturn.audit.sealing import seal
from keyturn.store.port import Store, Tx
from tests.support.audit_env import AuditEnv, entry, faults

from .test_sealing import LINKS, all_sealed, fail, sealer_of


@pytest.fixture
def empty(tmp_path: Any) -> AuditEnv:
    return AuditEnv(tmp_path / "data")


def test_an_entry_is_sealed_in_its_own_commit(empty: AuditEnv) -> None:
    async def work(store: Store) -> None:
        store.conclude_with(sealer_of(store)[0].seal_written)
        for index in range(7):
            await store.write(partial(entry, company="company-a", index=index))
            assert await store.read(all_sealed)

    empty.run(work)

    assert faults(empty.verify()) == []
    assert [row[1] for row in empty.rows(LINKS)] == [1, 2, 3, 4, 5, 6, 7]


def test_an_entry_that_was_undone_has_no_number(empty: AuditEnv) -> None:
    def think_better(tx: Tx) -> None:
        entry(tx, company="company-a", index=1)
        raise LookupError

    async def work(store: Store) -> None:
        store.conclude_with(sealer_of(store)[0].seal_written)
        units = (
            partial(entry, company="company-a", index=0),
            think_better,
            partial(entry, company="company-a", index=2),
        )
        await asyncio.gather(*(store.write(unit) for unit in units), return_exceptions=True)

    empty.run(work)

    assert faults(empty.verify()) == []
    assert [row[1:] for row in empty.rows(LINKS)] == [(1, 1), (2, 2)]


def test_an_act_is_kept_whose_entry_cannot_be_sealed(empty: AuditEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be sealed within its commit waits for the sealer, and so does what comes after it."""

    async def work(store: Store) -> None:
        sealer, reported = sealer_of(store)
        store.conclude_with(sealer.seal_written)
        with monkeypatch.context() as broken:
            broken.setattr("keyturn.audit.runtime.seal_written", fail)
            await store.write(partial(entry, company="company-a", index=0))
        await store.write(partial(entry, company="company-b", index=1))
        assert not await store.read(all_sealed)
        await sealer.seal_committed()
        assert SEALING_FAULT not in reported
        await store.write(partial(entry, company="company-a", index=2))
        assert await store.read(all_sealed)

    empty.run(work)

    assert faults(empty.verify()) == []
    assert empty.rows(LINKS) == [("company-a", 1, 1), ("company-b", 1, 2), ("company-a", 2, 3)]


def test_the_sealer_and_a_commit_do_not_seal_the_same_entry(empty: AuditEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of the sealer's runs between two others of a batch: all entries have their number with that commit."""

    async def work(store: Store) -> None:
        sealer, _ = sealer_of(store)
        store.conclude_with(sealer.seal_written)
        with monkeypatch.context() as broken:
            broken.setattr("keyturn.audit.runtime.seal_written", fail)
            await store.write(partial(entry, company="company-a", index=0))
        units = (partial(entry, company="company-a", index=1), seal, partial(entry, company="company-a", index=2))
        await asyncio.gather(*(store.write(unit) for unit in units))
        assert await store.read(all_sealed)

    empty.run(work)

    assert faults(empty.verify()) == []
    assert [row[1:] for row in empty.rows(LINKS)] == [(1, 1), (2, 2), (3, 3)]


def test_a_sealing_that_failed_half_way_leaves_nothing(empty: AuditEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its links without the head they belong to would be a forked chain."""

    async def work(store: Store) -> None:
        sealer, reported = sealer_of(store)
        store.conclude_with(sealer.seal_written)
        with monkeypatch.context() as broken:
            broken.setattr("keyturn.audit.sealing._save_head", fail)
            await store.write(partial(entry, company="company-a", index=0))
        await sealer.seal_committed()
        assert SEALING_FAULT not in reported
        await store.write(partial(entry, company="company-a", index=1))

    empty.run(work)

    assert faults(empty.verify()) == []
    assert empty.rows(LINKS) == [("company-a", 1, 1), ("company-a", 2, 2)]


def test_no_entry_is_lost_with_a_unit_that_is_undone(empty: AuditEnv) -> None:
    """After a unit that failed, each has a savepoint: one that has every entry written, and fails, undoes that too."""

    def undone(tx: Tx) -> None:
        tx.run("INSERT INTO company (id, name, active, created_at) VALUES ('c', 'c', 1, 0)")
        raise LookupError

    def writes_for_all(tx: Tx) -> None:
        entry(tx, company="company-a", index=9)
        tx.write_notes()
        raise LookupError

    async def work(store: Store) -> None:
        store.conclude_with(sealer_of(store)[0].seal_written)
        entries = [partial(entry, company="company-a", index=index) for index in range(3)]
        units = (entries[0], undone, entries[1], writes_for_all, entries[2])
        await asyncio.gather(*(store.write(unit) for unit in units), return_exceptions=True)

    empty.run(work)

    assert faults(empty.verify()) == []
    assert [row[1:] for row in empty.rows(LINKS)] == [(1, 1), (2, 2), (3, 3)]
    assert [json.loads(row[0])["number"] for row in empty.rows("SELECT body FROM entry ORDER BY seq")] == [0, 1, 2]


@pytest.mark.parametrize("sealing", [True, False], ids=["sealed", "unsealed"])
def test_an_entry_that_cannot_be_written_undoes_its_own_unit(empty: AuditEnv, *, sealing: bool) -> None:
    def unwritable(tx: Tx) -> None:
        journal.record(tx, "x", company_id="company-a", actor="\ud800")

    async def work(store: Store) -> list[object]:
        if sealing:
            store.conclude_with(sealer_of(store)[0].seal_written)
        units = (partial(entry, company="company-a", index=0), unwritable, partial(entry, company="company-a", index=1))
        return await asyncio.gather(*(store.write(unit) for unit in units), return_exceptions=True)

    first, refused, last = empty.run(work)

    assert (first, last) == (None, None)
    assert isinstance(refused, UnicodeEncodeError)
    assert empty.rows("SELECT count(*) FROM entry") == [(2,)]


def test_a_unit_that_asks_reads_what_earlier_ones_of_its_commit_wrote(empty: AuditEnv) -> None:
    def made(tx: Tx) -> None:
        record_made(tx, "operator:a", Path("b"), 1, "d")

    async def work(store: Store) -> None:
        sealer, _ = sealer_of(store)
        store.conclude_with(sealer.seal_written)
        await store.write(partial(entry, company="company-a", index=0))
        empty.clock.advance(172_800)
        units = (partial(entry, company="company-a", index=1), made, partial(report_if_old, max_age=86_400.0))
        await asyncio.gather(*(store.write(unit) for unit in units))
        await sealer.seal_committed()

    empty.run(work)

    assert empty.rows("SELECT count(*) FROM entry WHERE kind = 'backup.old'") == [(0,)]
    assert faults(empty.verify()) == []
    assert empty.rows("SELECT count(*) FROM entry WHERE number IS NULL") == [(0,)]


def test_an_entry_is_written_where_nothing_seals(empty: AuditEnv) -> None:
    empty.write(partial(entry, company="company-a", index=0))

    assert empty.rows("SELECT company_id, number FROM entry") == [("company-a", None)]


def test_acts_go_on_upon_a_forked_chain(env: AuditEnv) -> None:
    env.tamper("UPDATE chain_head SET number = 8 WHERE chain = 'company-a'")

    async def work(store: Store) -> bool:
        sealer, reported = sealer_of(store)
        store.conclude_with(sealer.seal_written)
        for index in range(3):
            await store.write(partial(entry, company="company-a", index=index))
        await sealer.seal_committed()
        return SEALING_FAULT in reported

    before = env.rows("SELECT count(*) FROM entry")[0][0]
    assert env.run(work)
    assert env.rows("SELECT count(*) FROM entry WHERE kind <> 'chain.fault'")[0][0] == before + 3
