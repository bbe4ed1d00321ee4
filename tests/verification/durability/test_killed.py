"""Killed between a commit's write and its sync: the page cache survives, so the next server finds what is not safe."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from verification.durability.databases import opened
from verification.durability.durability_check import premature
from verification.durability.load import Client, Request
from verification.durability.power_loss import cut_everywhere
from verification.durability.recording import stored
from verification.durability.rows import read_rows
from verification.durability.stage import Run, Stage, stage

SEED = 11
KILLED_AT_THE_NEXT_SYNC = ("fdatasync:signal=KILL",)
SLOW_SYNCS = ("fdatasync:delay_enter=1000000",)
"""Microseconds. A sync of something else that the next server does would make durable what was left, too."""
TRIES = 5
"""On a busy machine the kill may come at the sync of something else: then nothing of the redemption is written."""


def test_the_next_server_answers_from_durable_rows_only(tmp_path: Path) -> None:
    async def killed_and_asked_again(on: Stage) -> bool:
        async with on.serving() as run:
            client, redeems, code = await with_a_code(run)
            async with on.watched(run, KILLED_AT_THE_NEXT_SYNC):
                with pytest.raises((aiohttp.ClientError, ConnectionError)):
                    await client.ask(redeems, code)
        if not is_redeemed(run.data, redeems):
            return False
        async with on.recorded(injections=SLOW_SYNCS) as run:
            again = await run.clients[0].ask(redeems, code)
            assert await run.server.terminate() == 0
        killed, later = on.recordings
        both = killed.then(later)
        assert again.body["id"] == redeems.code_of
        assert [guarantee.spent for guarantee in both.guarantees] == [redeems.code_of]
        assert list(premature(both, SEED)) == []
        assert cut_everywhere(both, 30, SEED).violations == []
        return True

    async def tried() -> bool:
        for number in range(TRIES):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with stage(folder, SEED) as on:
                if await killed_and_asked_again(on):
                    return True
        return False

    assert asyncio.run(tried())


def is_redeemed(data: Path, question: Request) -> bool:
    """Written changes are there, whether they are on the disk or not."""
    with opened(stored(data)) as connection:
        return question.code_of in read_rows(connection).redeemed


async def with_a_code(run: Run) -> tuple[Client, Request, str]:
    """A client, the request that redeems its code under a key, and the code; the server has come to rest."""
    client = run.clients[0]
    first = await client.ask(Request(client.own[0], "enable_ignition"))
    await client.application.get(first.body["id"])
    await run.rest()
    return client, Request(client.own[0], "enable_ignition", "redeeming", code_of=first.body["id"]), first.body["code"]
