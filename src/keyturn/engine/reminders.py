"""Says of an immobilisation that it is still open, each time once."""

from functools import partial

from keyturn.commands.model.lifecycle import ENGINE
from keyturn.fleet import immobilisation
from keyturn.store.port import Store

_BATCH = 200


class Reminders:
    """`hours`: after how many hours of an open record something is said."""

    def __init__(self, store: Store, hours: tuple[float, ...]) -> None:
        self._store = store
        self._hours = tuple(sorted(set(hours)))

    async def look(self) -> None:
        """Everything that is due now."""
        for hours in await self._store.read(partial(immobilisation.hours_to_remind, hours=self._hours)):
            await self._store.write(partial(immobilisation.remind, hours=hours, actor=ENGINE, limit=_BATCH))
