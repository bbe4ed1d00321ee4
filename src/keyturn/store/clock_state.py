"""What the store keeps of its clocks, for the next process and for every node."""

import msgspec

from keyturn.store.port import ReadTx, Tx
from keyturn.timekeeping import ClockState

_LOAD = "SELECT value FROM store_fact WHERE name = 'clock'"
_SAVE = """
INSERT INTO store_fact (name, value) VALUES ('clock', :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


def decode(text: str) -> ClockState:
    """As it is kept."""
    return msgspec.json.decode(text, type=ClockState)


def load(tx: ReadTx) -> ClockState | None:
    """None in a store that no server has had open."""
    row = tx.one(_LOAD)
    return decode(row[0]) if row else None


def save(tx: Tx, kept: ClockState) -> None:
    """An older word does not replace that of an operator."""
    known = load(tx)
    if known is None or known.boot != kept.boot or known.accepted <= kept.accepted:
        tx.run(_SAVE, value=msgspec.json.encode(kept).decode())
