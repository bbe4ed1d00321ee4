"""Findings of a verification, and the faults that a server records: each once, until it is cleared."""

from enum import StrEnum
from functools import partial

import msgspec
import structlog

from keyturn.audit import journal
from keyturn.audit.checkpoints import AUDITOR
from keyturn.store.port import Store, StoreUnavailable, Tx

FAULT_KIND = "chain.fault"

log = structlog.get_logger()


class FindingKind(StrEnum):
    """What was found; the values are public (docs/audit.md)."""

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
"""Findings that do not indicate tampering by themselves."""


class Finding(msgspec.Struct, frozen=True):
    what: FindingKind
    company: str | None
    """Company of the chain; None: the installation's own chain."""
    number: int | None
    """Number of the entry, if the finding is about one."""
    text: str

    @property
    def is_fault(self) -> bool:
        return self.what not in NOTES


class Faults:
    """Open faults by subject: ``sealing``, ``chain``, ``kept checkpoints`` or the name of a checkpoint sink."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[str] = set()

    def __contains__(self, about: str) -> bool:
        return about in self._open

    async def report(self, about: str, detail: str, finding: Finding | None = None) -> None:
        """Record a `chain.fault` entry, unless the fault is open already."""
        if about in self._open:
            return
        log.error("audit fault", about=about, detail=detail)
        try:
            await self._store.write(partial(_record, about=about, detail=detail, finding=finding))
        except StoreUnavailable:
            return  # recorded when it is found again
        self._open.add(about)

    def clear(self, about: str) -> None:
        """The fault is over."""
        if about in self._open:
            self._open.discard(about)
            log.info("audit fault cleared", about=about)


def _record(tx: Tx, about: str, detail: str, finding: Finding | None) -> None:
    where = {} if finding is None else msgspec.to_builtins(finding)
    journal.record(tx, FAULT_KIND, company_id=None, actor=AUDITOR, about=about, detail=detail, finding=where)
