"""What a verification finds, and in which words.

What is wrong with the chains or their checkpoints: told once, until it is right again.
"""

from enum import StrEnum
from functools import partial

import msgspec
import structlog

from keyturn.audit import journal
from keyturn.audit.checkpoints import AUDITOR
from keyturn.store.port import Store, StoreUnavailable, Tx


class FindingKind(StrEnum):
    EDITED = "edited"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    CUT = "cut"
    REWRITTEN = "rewritten"
    FORGED = "forged"
    SWAPPED = "swapped"
    CHECKPOINT_REMOVED = "checkpoint_removed"
    RESTORED = "restored"
    FORKED = "forked"
    UNACKNOWLEDGED = "unacknowledged"
    UNSEALED = "unsealed"
    ERASED = "erased"
    UNVOUCHED = "unvouched"


NOTES = frozenset(
    {FindingKind.RESTORED, FindingKind.UNACKNOWLEDGED, FindingKind.UNSEALED, FindingKind.ERASED, FindingKind.UNVOUCHED}
)
"""What may be so without anybody having tampered."""


class Finding(msgspec.Struct, frozen=True):
    what: FindingKind
    company: str | None
    """None: the installation's own chain."""
    number: int | None
    """Of the entry, where one is meant."""
    text: str

    @property
    def is_fault(self) -> bool:
        return self.what not in NOTES


FAULT_KIND = "chain.fault"

log = structlog.get_logger()


class Faults:
    """By what they are about: ``sealing``, ``chain`` or the name of a way out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: set[str] = set()

    def __contains__(self, about: str) -> bool:
        return about in self._told

    async def report(self, about: str, detail: str, finding: Finding | None = None) -> None:
        """Raise the event, unless it stands already."""
        if about in self._told:
            return
        log.error("audit fault", about=about, detail=detail)
        try:
            await self._store.write(partial(_write, about=about, detail=detail, finding=finding))
        except StoreUnavailable:
            return  # told when it is found again
        self._told.add(about)

    def clear(self, about: str) -> None:
        """It is right again."""
        if about in self._told:
            self._told.discard(about)
            log.info("audit fault is over", about=about)


def _write(tx: Tx, about: str, detail: str, finding: Finding | None) -> None:
    where = {} if finding is None else msgspec.to_builtins(finding)
    journal.record(tx, FAULT_KIND, company_id=None, actor=AUDITOR, about=about, detail=detail, finding=where)
