"""Says of a switch whose time is over that it has ended."""

from keyturn.store.port import Store
from keyturn.tenants import kill_switches


class Switches:
    """What a switch holds back goes on at its end, whether or not anybody has looked here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self) -> None:
        """Everything that is due now."""
        if await self._store.read(kill_switches.is_due):
            await self._store.write(kill_switches.end_due)
