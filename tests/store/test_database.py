"""What every store adapter does with an installation's data as a whole: backup, a look without a server, restore."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.store.backup_signature import SignatureVerdict, check_signature, measure, signature_of
from keyturn.store.port import Database, StatementFailed, Store, StoreRefused, Tx
from tests.support.clock import ManualClock

from .signer import SIGNER
from .work import add_entry, add_plan, plans

pytestmark = pytest.mark.anyio
Open = Callable[[], Store]


async def test_a_backup_is_signed_and_holds_what_was_acknowledged_before_it(
    store: Store, database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    clock.set_now(5_000_000)
    file = tmp_path / "backup"
    await store.write(add_plan("gold"))
    await store.write(add_entry)
    made = await store.backup(file, SIGNER)
    await store.write(add_plan("late"))

    assert made == measure(file)
    assert check_signature(file, made, SIGNER) == (SignatureVerdict.SIGNED, 5_000_000)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, signature_of(file))] == [0o600, 0o600]
    with (
        database.stage_backup(file) as incoming,
        incoming.opened(clock.now()) as content,
        content.unit(clock.now()) as tx,
    ):
        assert (content.epoch, content.committed_time, content.fact("nothing")) == (1, 5_000_000, None)
        assert plans(tx) == ["gold"]


async def test_a_backup_never_overwrites_a_file(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("mine")
    with pytest.raises(StoreRefused, match="exists already"):
        await store.backup(file, SIGNER)
    assert file.read_text() == "mine"
    assert not signature_of(file).exists()


async def test_what_is_committed_can_be_read_beside_the_store_and_without_it(store: Store, database: Database) -> None:
    def found() -> tuple[list[str], int]:
        with database.read_offline() as tx:
            return plans(tx), tx.now

    await store.write(add_plan("gold"))
    assert found() == (["gold"], 0)
    await store.write(add_plan("silver"))
    await store.close()
    assert found() == (["gold", "silver"], 0)


async def test_a_failed_statement_without_a_store_raises_the_ports_error(
    store: Store, database: Database, tmp_path: Path
) -> None:
    def fail(tx: Tx) -> None:
        add_plan("gold")(tx)
        tx.run("DELETE FROM nowhere")

    with pytest.raises(StatementFailed, match="nowhere"), database.read_offline() as tx:
        tx.all("SELECT id FROM nowhere")
    await store.backup(tmp_path / "backup", SIGNER)
    with database.stage_backup(tmp_path / "backup") as incoming, incoming.opened(0) as content:
        with pytest.raises(StatementFailed, match="nowhere"), content.unit(0) as tx:
            fail(tx)
        with content.unit(0) as tx:
            assert plans(tx) == []


async def test_a_restored_backup_takes_the_place_of_what_was_there(
    open_store: Open, database: Database, tmp_path: Path
) -> None:
    store = open_store()
    await store.write(add_plan("gold"))
    await store.backup(tmp_path / "backup", SIGNER)
    await store.write(add_plan("late"))
    await store.close()
    assert database.earlier_epochs() == []
    with database.stage_backup(tmp_path / "backup") as incoming:
        with incoming.opened(0) as content, content.unit(0) as tx:
            add_plan("restored")(tx)
        incoming.put_in_place(7)
    assert database.earlier_epochs() == [7]
    assert await open_store().read(plans) == ["gold", "restored"]
