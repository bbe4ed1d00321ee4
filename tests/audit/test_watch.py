"""The watch goes on, whatever a verification meets."""

import asyncio
from contextlib import suppress

import pytest

from keyturn.audit import watch
from keyturn.audit.faults import Faults
from keyturn.audit.reading import Head
from keyturn.audit.watch import CHAIN_FAULT, Watch
from keyturn.store.port import ReadTx
from keyturn.store.sqlite.store import SqliteStore

from .house import KEYRING, House, until


def test_a_verification_that_fails_is_a_fault_until_one_succeeds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fails, heads = [True, True], watch.reading.heads

    def tripped(tx: ReadTx) -> list[Head]:
        if fails:
            fails.pop()
            raise KeyError("what nobody thought of")
        return heads(tx)

    async def work(store: SqliteStore) -> list[bool]:
        faults = Faults(store)
        running = asyncio.create_task(Watch(store, KEYRING, 100, faults).run())
        try:
            await until(lambda: not fails and CHAIN_FAULT not in faults)
            return [running.done()]
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    monkeypatch.setattr(watch.reading, "heads", tripped)
    monkeypatch.setattr(watch, "_PAUSE", 0.0)

    assert house.run(work) == [False]
    monkeypatch.undo()
    told = house.rows("SELECT body FROM entry WHERE kind = 'chain.fault'")
    assert len(told) == 1
    assert "what nobody thought of" in told[0][0]
