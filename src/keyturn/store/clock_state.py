"""Loads and saves the state of the clocks in the store, for the next process and for other nodes."""

import msgspec

from keyturn.store.port import ReadTx, Tx
from keyturn.timekeeping import ClockState

_LOAD = "SELECT value FROM store_fact WHERE name = 'clock'"
_SAVE = """
INSERT INTO store_fact (name, value) VALUES ('clock', :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


def decode(text: str) -> ClockState:
    """A `ClockState` from its stored JSON."""
    return msgspec.json.decode(text, type=ClockState)


def load(tx: ReadTx) -> ClockState | None:
    """The stored state; None in a store that no server has opened yet."""
    row = tx.one(_LOAD)
    return decode(row[0]) if row else None


def save(tx: Tx, state: ClockState) -> None:
    """Store the state, unless an operator has accepted the time since it was taken."""
    known = load(tx)
    if known is None or known.boot != state.boot or known.accepted <= state.accepted:
        tx.run(_SAVE, value=msgspec.json.encode(state).decode())
