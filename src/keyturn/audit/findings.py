"""What a verification finds, and in which words."""

from enum import StrEnum

import msgspec


class What(StrEnum):
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


NOTES = frozenset({What.RESTORED, What.UNACKNOWLEDGED, What.UNSEALED, What.ERASED, What.UNVOUCHED})
"""What may be so without anybody having tampered."""


class Finding(msgspec.Struct, frozen=True):
    what: What
    company: str | None
    """None: the installation's own chain."""
    number: int | None
    """Of the entry, where one is meant."""
    text: str

    @property
    def is_fault(self) -> bool:
        return self.what not in NOTES
