"""A real server on what a power cut left: it recovers, and sends nothing that was sent before the cut."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.clock import eventually

from verification.durability.durability_check import premature
from verification.durability.power_loss import Cut
from verification.durability.recording import Recording
from verification.durability.stage import Stage
from verification.results import READS

_RECOVERED_WITHIN = 60.0
_WAITING = "SELECT count(*) FROM command WHERE state = 'Queued'"
_NAMES = "SELECT id, name FROM command"
"""They change nothing at the vehicle, and simply run again."""


async def restarted(stage: Stage, recording: Recording, cut: Cut, name: str) -> list[str]:
    """What a server that starts on the cut's image does wrong; nothing is left waiting when it ends."""
    installation = stage.restored(cut.image, name)
    async with stage.recorded(installation) as run:
        await eventually(lambda: _rows(installation.data, _WAITING) == [(0,)], _RECOVERED_WITHIN)
        await run.load(len(run.clients))
        code = await run.server.terminate()
    after = stage.recordings[-1]
    before_cut = {order.body["client_ref"] for order in recording.orders if order.began < cut.at}
    again = [order.body["client_ref"] for order in after.orders if order.body["client_ref"] in before_cut]
    names = dict(_rows(installation.data, _NAMES))
    return [
        *(f"{names[each]} {each} was sent a second time" for each in again if names[each] not in READS),
        *premature(after, seed=cut.at),
        *([f"the server ended with {code}"] if code else []),
    ]


def _rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    """What a running server has committed."""
    with closing(sqlite3.connect(f"{(data / 'keyturn.db').as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
