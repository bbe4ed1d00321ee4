"""Reminders of open immobilisation records: an audit entry after each configured number of hours, once each."""

from functools import partial

from keyturn.clock import after
from keyturn.commands.model.lifecycle import ENGINE
from keyturn.fleet.immobilisation import SELECT, Immobilisation, mark_reminded
from keyturn.store.port import ReadTx, Store, Tx

_HOUR = 3_600.0
_BATCH = 200

_TO_REMIND = f"""{SELECT}
WHERE state <> 'closed' AND reminded < :hours AND opened_at <= :before ORDER BY opened_at, id LIMIT :limit
"""
_OLDEST_TO_REMIND = "SELECT min(opened_at) FROM immobilisation WHERE state <> 'closed' AND reminded < :hours"


class Reminders:
    """Periodic task. `hours`: after how many hours of an open record an entry is made."""

    def __init__(self, store: Store, hours: tuple[float, ...]) -> None:
        self._store = store
        self._hours = tuple(sorted(set(hours)))

    async def run_once(self) -> None:
        """Make every entry that is due now."""
        for hours in await self._store.read(partial(hours_to_remind, hours=self._hours)):
            await self._store.write(partial(remind, hours=hours, actor=ENGINE, limit=_BATCH))


def to_remind(tx: ReadTx, hours: float, limit: int) -> list[Immobilisation]:
    """Records that have been open for `hours` and have no reminder of that yet, oldest first."""
    rows = tx.all(_TO_REMIND, hours=hours, before=after(tx.now, -hours * _HOUR), limit=limit)
    return [Immobilisation(*row) for row in rows]


def hours_to_remind(tx: ReadTx, hours: tuple[float, ...]) -> list[float]:
    """Those of `hours`, in rising order, after which a reminder of some record is due."""
    row = tx.one(_OLDEST_TO_REMIND, hours=max(hours, default=0.0))
    oldest = row[0] if row else None
    passed = [] if oldest is None else [each for each in hours if oldest <= after(tx.now, -each * _HOUR)]
    return [each for each in passed if to_remind(tx, each, 1)]


def remind(tx: Tx, hours: float, actor: str, limit: int) -> None:
    """Record once, for each record that is due, that it has been open for `hours`."""
    for record in to_remind(tx, hours, limit):
        mark_reminded(tx, record, hours, actor)
