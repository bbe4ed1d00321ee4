"""A server with one more vehicle, whose OEM answers as the test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.oem import Ending, Oem, ReceivedRequest, answer
from tests.support.server_env import OEM_TOKEN, ServerEnv, server_env

from ..connectors.configured import http_settings

VIN = "SCRIPTED"


@asynccontextmanager
async def scripted(tmp_path: Path, *endings: Ending, **sections: Any) -> AsyncIterator[tuple[ServerEnv, Oem]]:
    """The OEM speaks the simulator's language: `endings` answer commands, one each and the last for all that follow.

    It knows nothing else: state reads, questions and look-ups find nothing.
    """
    left = list(endings)

    def script(seen: ReceivedRequest) -> Ending:
        if seen.method != "POST":
            return answer(404, {})
        return left.pop(0) if len(left) > 1 else left[0]

    async with Oem() as oem:
        oem.script = script
        others = {"scripted": http_settings(definition="simulator", base_url=oem.url, follow_floor=0.05)}
        async with server_env(tmp_path, others=others, **sections) as running:
            account = {"connector": "scripted", "name": "scripted", "credentials": OEM_TOKEN}
            await running.node.administer("account add", {"company": "first", **account})
            await running.vehicle(VIN, account="scripted")
            yield running, oem


def commands_of(oem: Oem) -> list[ReceivedRequest]:
    """What was sent to be done, questions left aside."""
    return [seen for seen in oem.seen if seen.method == "POST"]
