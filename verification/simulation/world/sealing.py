"""Sealing of audit entries in a scenario: within commits, which fails at times, and by the product's sealer."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from keyturn.audit.encoding import GENESIS
from keyturn.audit.findings import Faults
from keyturn.audit.runtime import Sealer
from keyturn.config.settings import AuditSettings
from keyturn.store.port import Note, Store, Tx
from verification.simulation.world.installation import KEYRING

PASS_EVERY = 20.0
"""Seconds between two passes of the sealer: more than a server's, so that a scenario of hours has few."""
ANY_UNSEALED = "SELECT count(*) FROM entry WHERE number IS NULL"
LINKS = """
SELECT coalesce(company_id, ''), number, prev, hash FROM entry
WHERE number IS NOT NULL ORDER BY coalesce(company_id, ''), seq
"""
HEADS = "SELECT chain, number, hash FROM chain_head"
_RATES = (0.0, 0.02, 0.2)
"""Probabilities to choose from, of each fault in each commit that has entries."""
_SELDOM = 86_400
"""Seconds between checkpoints, entries between them: none is made."""


class SealingFails(Exception):
    """The fault."""


class FailingSealing:
    """Draws from a stream of its own, so that the rest of a scenario is what it was."""

    def __init__(self, chance: Random, counts: Counter[str]) -> None:
        self.calm = False
        self._chance = chance
        self._counts = counts
        self._rate = chance.choice(_RATES)

    async def run(self, store: Store) -> None:
        """Until cancelled, or its node dies."""
        sealer = Sealer(
            store, KEYRING, AuditSettings(checkpoint_interval=_SELDOM, checkpoint_entries=_SELDOM), Faults(store)
        )

        def conclude(tx: Tx, notes: Sequence[Note]) -> None:
            self._fail("sealing fails")
            sealer.seal_written(tx, notes)
            self._fail("sealing fails after it was done")

        store.conclude_with(conclude)
        while True:
            await sealer.seal_committed()
            await asyncio.sleep(PASS_EVERY)

    def _fail(self, kind: str) -> None:
        if not self.calm and self._chance.random() < self._rate:
            self._counts[kind] += 1
            raise SealingFails(kind)


def problems(unsealed: int, links: Sequence[tuple[Any, ...]], heads: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Every entry has its number, in the order of the commits, and each chain ends at its head."""
    if unsealed:
        yield f"{unsealed} entries are unsealed"
    ends: dict[str, tuple[int, bytes]] = {}
    for chain, number, prev, digest in links:
        before, expected = ends.get(chain, (0, GENESIS))
        if (number, prev) != (before + 1, expected):
            yield f"{number} follows {before} in chain {chain!r}"
        ends[chain] = number, digest
    for chain, number, digest in heads:
        if ends.get(chain, (0, GENESIS)) != (number, digest):
            yield f"the head of chain {chain!r} is at {number} and its last link at {ends.get(chain)}"
