"""Ways out that stay behind: a checkpoint that has not left for long protects nothing, whatever the reason is."""

from collections.abc import Collection
from functools import partial

from keyturn.audit.checkpoints import Signed
from keyturn.audit.faults import Faults
from keyturn.clock import after, iso_time
from keyturn.store.port import ReadTx, Store

LOOK_EVERY = 15.0
"""Seconds; the first look is so long after the start, when what was left by the last process should have left."""

_OLDEST = """
SELECT statement, signature, key FROM chain_checkpoint
WHERE id > coalesce((SELECT delivered FROM checkpoint_outlet WHERE name = :name), 0) ORDER BY id LIMIT 1
"""


class Lateness:
    """`behind` names the ways out by which a checkpoint has not left for `grace` seconds."""

    def __init__(self, store: Store, outlets: Collection[str], grace: float, faults: Faults) -> None:
        self.behind: tuple[str, ...] = ()
        self._store = store
        self._outlets = outlets
        self._grace = grace
        self._faults = faults

    async def look(self) -> None:
        """Once; what stays behind is told once, until it has caught up."""
        made = {
            name: await self._store.read(partial(_oldest_late, name=name, grace=self._grace)) for name in self._outlets
        }
        self.behind = tuple(name for name, at in made.items() if at is not None)
        for name, at in made.items():
            about = f"{name} behind"
            if at is None:
                self._faults.clear(about)
            else:
                await self._faults.report(
                    about, f"No checkpoint has left by {name} since that of {iso_time(at)} was made."
                )


def _oldest_late(tx: ReadTx, name: str, grace: float) -> int | None:
    """When the oldest checkpoint was made that has not left; None: there is none of that age."""
    row = tx.one(_OLDEST, name=name)
    if row is None:
        return None
    statement = Signed(*map(str, row)).read()
    made = statement.at if statement else 0
    return made if tx.now > after(made, grace) else None
