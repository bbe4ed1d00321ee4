"""A store with two companies' entries, its keys, and the power to tamper with what is on the disk."""

import asyncio
import json
import shutil
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from keyturn.admin.backup_restore import restore
from keyturn.audit import journal
from keyturn.audit.archive import DatabaseArchive, VerificationReport, verify
from keyturn.audit.chain_queries import TO_THE_END
from keyturn.audit.checkpoints import SignedStatement, make_checkpoints_now
from keyturn.audit.encoding import Content, entry_hash
from keyturn.audit.export import ExportArchive, write_export
from keyturn.audit.sealing import BATCH_ENTRIES, seal
from keyturn.auth.keyfile import JwtKey, Keys
from keyturn.auth.keyring import Keyring
from keyturn.store.port import ReadTx, Store, Tx
from tests.support.clock import ManualClock
from tests.support.store_reader import changed, connect

from ..store.adapters import database, open_store

T = TypeVar("T")
VIN = "6AHFT68CKAF501652"
COMPANIES = ("company-a", "company-b", None)
KEYRING = Keyring(Keys("aa" * 32, "bb" * 32, (JwtKey("kid", "cc" * 32),), "dd" * 32))
OTHER_KEYRING = Keyring(Keys("aa" * 32, "bb" * 32, (JwtKey("kid", "cc" * 32),), "ee" * 32))


class AuditEnv:
    """Seals, verifies, exports, restores and tampers on real files.

    The store is open only while something is done with it.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = ManualClock()

    def run(self, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Open the store, do the work, close it."""

        async def done() -> T:
            store = open_store(self.data, self.clock)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(done())

    def write(self, work: Callable[[Tx], T]) -> T:
        return self.run(lambda store: store.write(work))

    def read(self, work: Callable[[ReadTx], T]) -> T:
        with database(self.data).read_offline() as tx:
            return work(tx)

    def add_entries(self, count: int) -> None:
        """Entries of both companies and of the installation in turn; each third has a personal part."""

        def work(tx: Tx) -> None:
            for index in range(count):
                entry(tx, COMPANIES[index % len(COMPANIES)], index)

        self.clock.advance(1)
        self.write(work)

    def seal(self) -> None:
        def work(tx: Tx) -> None:
            while seal(tx) == BATCH_ENTRIES:
                pass

        self.write(work)

    def checkpoint(self, keyring: Keyring = KEYRING) -> list[SignedStatement]:
        self.clock.advance(1)
        return self.write(lambda tx: make_checkpoints_now(tx, keyring))

    def tamper(self, *statements: str, **params: object) -> int:
        """Change the file behind Keyturn's back; how many rows the last statement changed."""
        with closing(connect(self.data / "keyturn.db")) as connection:
            rows = [changed(connection, statement, params) for statement in statements]
        return rows[-1]

    def rows(self, sql: str, **params: object) -> list[tuple[Any, ...]]:
        with closing(connect(self.data / "keyturn.db")) as connection:
            return connection.execute(sql, params).fetchall()

    def back_up(self, file: Path) -> Path:
        """A signed backup, in a directory of ours."""
        self.run(lambda store: store.backup(file, KEYRING))
        return file

    def restore(self, file: Path, *, unsigned: bool = False, kept: Path | None = None) -> int:
        """The new epoch."""
        self.clock.advance(1)
        return restore(file, database(self.data), KEYRING, self.clock, unsigned=unsigned, checkpoint_file=kept).epoch

    def verify(
        self,
        *,
        keys: list[bytes] | None = None,
        kept: list[SignedStatement] | None = None,
        acknowledged: tuple[int, ...] = (),
    ) -> VerificationReport:
        """Offline, on the closed file."""
        with database(self.data).read_offline() as tx:
            return verify(DatabaseArchive(tx), keys=keys, external=kept or [], acknowledged=acknowledged)

    def export(self, file: Path, *, company: str | None = None, first: int = 1, last: int = TO_THE_END) -> Path:
        with database(self.data).read_offline() as tx, file.open("wb") as target:
            write_export(tx, target, company=company, everything=company is None, first=first, last=last)
        return file

    def seq(self, number: int) -> int:
        """Of an entry of the first company."""
        return int(self.rows("SELECT seq FROM entry WHERE company_id = 'company-a' AND number = :n", n=number)[0][0])

    def cut(self, last: int, *, head: bool) -> None:
        """Remove what the first company's chain has behind entry `last`; with `head`, rewrite its head to match."""
        self.tamper(
            "DELETE FROM entry WHERE company_id = 'company-a' AND seq > :seq",
            seq=self.seq(last),
        )
        if head:
            newest = "SELECT hash FROM entry WHERE company_id = 'company-a' AND number = :last"
            change = f"UPDATE chain_head SET number = :last, hash = ({newest}) WHERE chain = 'company-a'"
            self.tamper(change, last=last)

    def copy(self, data: Path) -> "AuditEnv":
        shutil.copytree(self.data, data)
        return AuditEnv(data)


def entry(tx: Tx, company: str | None, index: int) -> None:
    personal = {"vin": VIN} if index % 2 else {}
    vehicle, command = f"vehicle-{index}", f"command-{index}"
    journal.record(
        tx,
        "command.Accepted",
        company_id=company,
        actor="engine",
        vehicle_id=vehicle,
        command_id=command,
        status="Pending",
        number=index,
        **personal,
    )


def verify_export(
    file: Path, *, keys: list[bytes] | None = None, kept: list[SignedStatement] | None = None
) -> VerificationReport:
    return verify(ExportArchive(file), keys=keys, external=kept or [])


def faults(report: VerificationReport) -> list[tuple[str, str | None, int | None]]:
    """What, in whose chain, at which entry."""
    return [(finding.what.value, finding.company, finding.number) for finding in report.faults]


def rewrite(env: AuditEnv, number: int) -> None:
    """Edit an entry and compute every hash after it anew, as anyone with write access to the file can."""
    env.tamper("UPDATE entry SET actor = 'nobody' WHERE seq = :seq", seq=env.seq(number))
    columns = "number, personal_hash, company_id, at, actor, kind, vehicle_id, command_id, body"
    rows = env.rows(
        f"SELECT {columns} FROM entry WHERE company_id = 'company-a' AND number IS NOT NULL ORDER BY number"
    )
    prev = bytes(32)
    for place, personal_hash, *entry, body in rows:
        opened = body.split(',"vin"')[0] + "}" if personal_hash else body
        digest = entry_hash(place, prev, Content(*(*entry, opened)), personal_hash)
        env.tamper(
            "UPDATE entry SET prev = :prev, hash = :hash WHERE company_id = 'company-a' AND number = :number",
            prev=prev,
            hash=digest,
            number=place,
        )
        prev = digest
    env.tamper("UPDATE chain_head SET hash = :hash WHERE chain = 'company-a'", hash=prev)


def restored(env: AuditEnv) -> list[tuple[str | None, dict[str, object]]]:
    rows = env.rows("SELECT company_id, body FROM entry WHERE kind = 'store.restored' ORDER BY company_id")
    return [(company, json.loads(body)) for company, body in rows]
