"""A real server on what a power cut left: it recovers, and sends nothing that was sent before the cut."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.startup.process import eventually

from .cuts import Cut
from .proof import premature
from .recording import Recording
from .stage import Stage

_RECOVERED_WITHIN = 60.0
_WAITING = "SELECT count(*) FROM command WHERE state = 'Queued'"


async def restarted(stage: Stage, recording: Recording, cut: Cut, name: str) -> list[str]:
    """What a server that starts on the cut's image does wrong; nothing is left waiting when it ends."""
    installation = stage.restored(cut.image, name)
    async with stage.recorded(installation) as run:
        await eventually(lambda: _waiting(installation.data) == 0, _RECOVERED_WITHIN)
        await run.load(len(run.clients))
        code = await run.server.terminate()
    after = stage.recordings[-1]
    before_cut = {order.body["client_ref"] for order in recording.orders if order.began < cut.at}
    again = [order.body["client_ref"] for order in after.orders if order.body["client_ref"] in before_cut]
    return [
        *(f"{command_id} was sent a second time" for command_id in again),
        *premature(after, seed=cut.at),
        *([f"the server ended with {code}"] if code else []),
    ]


def _waiting(data: Path) -> int:
    """Commands that a running server has not sent yet."""
    with closing(sqlite3.connect(f"{(data / 'keyturn.db').as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute(_WAITING).fetchone()[0])
