"""TODO."""

from functools import partial

from keyturn.clock import after
from keyturn.commands.model.lifecycle import ENGINE
from keyturn.immobilisation import reminders
from keyturn.store.port import ReadTx, Row, Store, Tx

_HOUR = 3_600.0


_TO_REMIND = f"""{_SELECT}
WHERE state <> 'closed' AND reminded < :hours AND opened_at <= :before ORDER BY opened_at, id LIMIT :limit
"""


_OLDEST_TO_REMIND = "SELECT min(opened_at) FROM immobilisation WHERE state <> 'closed' AND reminded < :hours"


_REMINDED = "UPDATE immobilisation SET reminded = :hours WHERE id = :id"


def to_remind(tx: ReadTx, hours: float, limit: int) -> list[Immobilisation]:
    """Records open for so many hours that this was not said of yet, oldest first."""
    rows: list[Row] = tx.all(_TO_REMIND, hours=hours, before=after(tx.now, -hours * _HOUR), limit=limit)
    return [Immobilisation(*row) for row in rows]


def hours_to_remind(tx: ReadTx, hours: tuple[float, ...]) -> list[float]:
    """After which of these hours, in rising order, something is to be said of a record."""
    row = tx.one(_OLDEST_TO_REMIND, hours=max(hours, default=0.0))
    oldest = row[0] if row else None
    over = [] if oldest is None else [each for each in hours if oldest <= after(tx.now, -each * _HOUR)]
    return [each for each in over if to_remind(tx, each, 1)]


def remind(tx: Tx, hours: float, actor: str, limit: int) -> None:
    """Say once, of each record that is due, that it has been open for so many hours."""
    for record in to_remind(tx, hours, limit):
        tx.run(_REMINDED, id=record.id, hours=hours)
        record_event(tx, record, "reminder", actor, hours=hours, state=record.state)


_BATCH = 200


class Reminders:
    """`hours`: after how many hours of an open record something is said."""

    def __init__(self, store: Store, hours: tuple[float, ...]) -> None:
        self._store = store
        self._hours = tuple(sorted(set(hours)))

    async def look(self) -> None:
        """Everything that is due now."""
        for hours in await self._store.read(partial(reminders.hours_to_remind, hours=self._hours)):
            await self._store.write(partial(reminders.remind, hours=hours, actor=ENGINE, limit=_BATCH))
