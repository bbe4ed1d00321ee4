"""Numbers in the order of commits, per company, soon, and only once."""

import asyncio
import itertools
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from verification.simulation.world.clock import VirtualClock
from verification.simulation.world.loop import VirtualLoop

from keyturn.audit.findings import Faults
from keyturn.audit.runtime import SEALING_FAULT, Sealer
from keyturn.audit.sealing import ChainForked, any_unsealed, seal
from keyturn.config.settings import AuditSettings
from keyturn.store.port import ReadTx, Store, Tx
from tests.support.audit_env import KEYRING, AuditEnv, entry, faults
from tests.support.clock import eventually

from ..store.adapters import open_store

LINKS = "SELECT coalesce(company_id, ''), number, seq FROM entry WHERE number IS NOT NULL ORDER BY seq"


@pytest.fixture
def empty(tmp_path: Any) -> AuditEnv:
    return AuditEnv(tmp_path / "data")


def test_each_chain_counts_from_one_in_the_order_of_commits(empty: AuditEnv) -> None:
    empty.add_entries(9)
    empty.seal()

    assert empty.rows(LINKS) == [
        (chain, number, 3 * (number - 1) + place)
        for number in (1, 2, 3)
        for place, chain in enumerate(("company-a", "company-b", ""), start=1)
    ]


def test_a_chain_reveals_nothing_of_another_company(empty: AuditEnv, tmp_path: Any) -> None:
    """The same acts of one company make the same chain, whatever the other did in between."""
    alone = AuditEnv(tmp_path / "alone")
    for env, others in ((alone, 0), (empty, 5)):
        for index in range(0, 8, 2):  # without a personal part, whose salt is chance
            env.write(partial(entry, company="company-a", index=index))
            for other in range(others):
                env.write(partial(entry, company="company-b", index=other))
        env.seal()
    own = "SELECT number, prev, hash, personal FROM entry WHERE company_id = 'company-a' ORDER BY number"

    assert alone.rows(own) == empty.rows(own)
    assert len(alone.rows(own)) == 4


def test_a_crash_between_two_units_neither_loses_nor_repeats_an_entry(empty: AuditEnv) -> None:
    """Each unit runs in a life of its own: nothing but the file goes from one to the next."""
    empty.add_entries(10)
    while empty.write(partial(seal, limit=3)):
        pass

    assert [row[2] for row in empty.rows(LINKS)] == list(range(1, 11))
    assert faults(empty.verify()) == []


def test_a_crash_inside_a_unit_leaves_nothing_of_it(empty: AuditEnv) -> None:
    empty.add_entries(6)

    def crash(tx: Tx) -> None:
        seal(tx, limit=4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        empty.write(crash)
    assert empty.rows(LINKS) == []
    empty.seal()
    assert faults(empty.verify()) == []
    assert len(empty.rows(LINKS)) == 6


def test_two_sealers_at_once_never_fork_a_chain(empty: AuditEnv) -> None:
    empty.add_entries(60)

    async def work(store: Store) -> None:
        async def one() -> None:
            for _ in range(20):
                await store.write(partial(seal, limit=4))

        await asyncio.gather(one(), one(), one())

    empty.run(work)

    assert faults(empty.verify()) == []
    assert [row[2] for row in empty.rows(LINKS)] == list(range(1, 61))


@pytest.mark.parametrize("number", [8, 11])
def test_a_head_that_is_not_the_newest_link_is_not_sealed_upon(env: AuditEnv, number: int) -> None:
    env.tamper("UPDATE chain_head SET number = :number WHERE chain = 'company-a'", number=number)
    env.add_entries(3)

    with pytest.raises(ChainForked):
        env.write(seal)


def test_a_head_that_moved_meanwhile_is_not_overwritten(empty: AuditEnv) -> None:
    empty.add_entries(3)

    class Meddler:
        """Somebody else moves the head between reading it and writing it."""

        def __init__(self, tx: Tx) -> None:
            self._tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tx, name)

        def run(self, sql: str, /, *values: object, **named: object) -> int:
            if sql.strip().startswith("UPDATE chain_head"):
                self._tx.run("UPDATE chain_head SET number = number + 1")
            return self._tx.run(sql, *values, **named)

    with pytest.raises(ChainForked):
        empty.write(lambda tx: seal(Meddler(tx)))
    assert empty.rows(LINKS) == []


@pytest.mark.parametrize("body", ["{", "[]", '{"vin":1,"vin":2}', '{"vin": 1}'])
def test_a_body_that_the_journal_did_not_write_does_not_stop_the_sealer(empty: AuditEnv, body: str) -> None:
    empty.add_entries(6)
    empty.tamper("UPDATE entry SET body = :body WHERE seq = 2", body=body)
    empty.seal()

    assert len(empty.rows(LINKS)) == 6
    assert faults(empty.verify()) == []
    empty.tamper("UPDATE entry SET body = :body || ' ' WHERE seq = 2", body=body)
    assert faults(empty.verify()) == [("edited", "company-b", 1)]


def test_a_forked_chain_is_reported_once(env: AuditEnv) -> None:
    env.tamper("UPDATE chain_head SET number = 8 WHERE chain = 'company-a'")
    env.add_entries(3)

    async def work(store: Store) -> bool:
        sealer, faults = sealer_of(store)
        for _ in range(3):
            await sealer.seal_committed()
        return SEALING_FAULT in faults

    assert env.run(work)
    assert env.rows("SELECT count(*) FROM entry WHERE kind = 'chain.fault'") == [(1,)]


def all_sealed(tx: ReadTx) -> bool:
    return not any_unsealed(tx)


def sealer_of(store: Store, **settings: Any) -> tuple[Sealer, Faults]:
    faults = Faults(store)
    return Sealer(store, KEYRING, AuditSettings(**settings), faults), faults


def fail(_tx: Tx, _written: object) -> bool:
    raise RuntimeError("not now")


@pytest.mark.parametrize("concludes", [True, False])
def test_an_entry_that_was_left_is_sealed_within_a_second(
    empty: AuditEnv, concludes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In virtual time, with commits at every phase of the sealer, and whether it hears of what was left or not."""
    monkeypatch.setattr("keyturn.audit.runtime.seal_written", fail)

    async def work() -> list[float]:
        loop = asyncio.get_running_loop()
        store = open_store(empty.data, VirtualClock(loop.time), at_once=True)
        sealer, _ = sealer_of(store)
        if concludes:
            store.conclude_with(sealer.seal_written)
        running = asyncio.create_task(sealer.run())
        behind = []
        for index in range(40):
            await asyncio.sleep(0.37 * (index % 5))
            await store.write(partial(entry, company="company-a", index=index))
            since = loop.time()
            await eventually(partial(store.read, all_sealed))
            behind.append(loop.time() - since)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()
        return behind

    with closing(VirtualLoop(None)) as loop:
        behind = loop.run_until_complete(work())

    assert max(behind) <= 1.0


def test_the_last_pass_seals_what_is_just_being_committed(empty: AuditEnv) -> None:
    async def work(store: Store) -> None:
        committing = asyncio.create_task(store.write(partial(entry, company="company-a", index=0)))
        await asyncio.sleep(0)
        await sealer_of(store)[0].seal_committed(last=True)
        await committing

    empty.run(work)

    assert len(empty.rows(LINKS)) == 1


def test_a_chain_gets_a_checkpoint_when_it_is_due_and_none_without_news(empty: AuditEnv) -> None:
    async def seal_committed(store: Store) -> None:
        await sealer_of(store, checkpoint_interval=60.0, checkpoint_entries=5)[0].seal_committed()

    def checkpoints() -> list[tuple[Any, ...]]:
        return empty.rows("SELECT chain, number FROM chain_checkpoint ORDER BY id")

    for index in range(4):
        empty.write(partial(entry, company="company-a", index=index))
    empty.run(seal_committed)
    assert checkpoints() == []

    empty.write(partial(entry, company="company-a", index=4))
    empty.run(seal_committed)
    assert checkpoints() == [("company-a", 5)]

    empty.write(partial(entry, company="company-a", index=5))
    empty.clock.advance(61)
    empty.run(seal_committed)
    assert checkpoints() == [("company-a", 5), ("company-a", 7)]

    for _ in itertools.repeat(None, 3):
        empty.clock.advance(61)
        empty.run(seal_committed)
    assert checkpoints() == [("company-a", 5), ("company-a", 7)]
    assert faults(empty.verify(keys=[KEYRING.checkpoint_key])) == []
    assert empty.rows("SELECT count(*) FROM entry WHERE kind = 'chain.checkpoint'") == [(2,)]
