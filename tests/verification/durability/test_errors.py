"""Disk errors under a running server, passing or lasting: it reports them, and acknowledges and sends nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from verification.durability.databases import damage, opened
from verification.durability.durability_check import premature
from verification.durability.guarantees import broken
from verification.durability.load import Request
from verification.durability.power_loss import cut_everywhere
from verification.durability.recording import stored
from verification.durability.rows import Rows, read_rows
from verification.durability.stage import Run, Stage, stage

from tests.support.clients import Answer

SEED = 5
CUTS = 40
WITHIN = 20.0
NO_SPACE, BAD_SYNCS = "pwrite64:error=ENOSPC", "fdatasync:error=EIO"
WRITE_ERRORS = (NO_SPACE, "pwrite64:error=EIO", "pwrite64:error=EROFS", BAD_SYNCS)
UNAVAILABLE = (503, {"detail": "Service unavailable."})


@dataclass
class Scene:
    """A server at rest that has acknowledged something."""

    stage: Stage
    run: Run
    known_ids: set[str]
    """Ids from the answers to clients."""

    async def status(self, path: str) -> int:
        """The HTTP code of a health endpoint."""
        async with self.stage.http.get(f"{self.run.server.url}{path}") as response:
            return response.status

    async def ready(self) -> None:
        """Returns once the server takes commands."""
        async with asyncio.timeout(WITHIN):
            while await self.status("/readyz") != 200:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.05)


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    async with stage(folder, SEED) as on, on.serving() as run:
        first = await run.clients[0].ask(Request(run.clients[0].own[0], "enable_ignition", "before"))
        await run.rest()
        yield Scene(on, run, {first.body["id"]})


async def lock_all(run: Run, word: str) -> list[Answer]:
    """The answers to one request of each client, all sent at once, under keys with that word in them."""
    asked = [
        client.ask(Request(client.own[1], "lock_door", f"{word}-{number}")) for number, client in enumerate(run.clients)
    ]
    return await asyncio.gather(*asked)


def ids_of(answers: list[Answer]) -> set[str]:
    assert {answer.code for answer in answers} == {200}
    return {answer.body["id"] for answer in answers}


def assert_unavailable(answers: list[Answer]) -> None:
    for answer in answers:
        assert (answer.code, answer.body) == UNAVAILABLE
        assert int(answer.headers["Retry-After"]) > 0


def rows_left(on: Scene) -> Rows:
    """What is in the database that the servers left, which is whole."""
    with opened(stored(on.run.data)) as connection:
        assert damage(connection) == []
        return read_rows(connection)


def test_an_error_for_a_moment_refuses_what_came_then_and_nothing_later(tmp_path: Path) -> None:
    async def fails_and_recovers() -> None:
        async with scene(tmp_path) as on:
            for number, error in enumerate(WRITE_ERRORS):
                await on.run.rest()
                async with on.stage.watched(on.run, (error,)):
                    assert_unavailable(await lock_all(on.run, f"refused-{number}"))
                    assert (await on.status("/readyz"), await on.status("/healthz")) == (503, 200)
                    assert_unavailable(await lock_all(on.run, f"again-{number}"))
                await on.ready()
                on.known_ids |= ids_of(await lock_all(on.run, f"taken-{number}"))
            await on.run.server.kill()
        assert [(recording.orders, recording.guarantees) for recording in on.stage.recordings] == [([], [])] * 4
        assert rows_left(on).commands.keys() == on.known_ids

    asyncio.run(fails_and_recovers())


@pytest.mark.parametrize("error", [NO_SPACE, BAD_SYNCS], ids=["no space", "bad syncs"])
def test_an_error_for_good_loses_nothing_that_was_acknowledged(tmp_path: Path, error: str) -> None:
    async def fails_and_is_killed() -> None:
        async with scene(tmp_path) as on:
            async with on.stage.watched(on.run, (error,)):
                assert_unavailable(await lock_all(on.run, "refused"))
                await on.run.server.kill()
            async with on.stage.recorded() as run:
                on.known_ids |= ids_of(await lock_all(run, "refused"))
                await run.server.kill()
        failed, later = on.stage.recordings
        rows = rows_left(on)
        assert failed.orders == []
        assert rows.commands.keys() == on.known_ids
        assert [problem for guarantee in later.guarantees for problem in broken(rows, guarantee)] == []
        for seed in range(3):
            assert list(premature(failed.then(later), seed)) == []
            assert cut_everywhere(failed.then(later), CUTS, seed).violations == []

    asyncio.run(fails_and_is_killed())


def test_what_a_failed_sync_covered_is_never_taken_for_durable(tmp_path: Path) -> None:
    async def fails_and_goes_on() -> None:
        async with scene(tmp_path) as on, on.stage.watched(on.run, (f"{BAD_SYNCS}:when=1..3",)):
            assert_unavailable(await lock_all(on.run, "refused"))
            await on.ready()
            on.known_ids |= ids_of(await lock_all(on.run, "taken"))
            await on.run.server.kill()
        (recording,) = on.stage.recordings
        assert sum(not sync.done for sync in recording.syncs) == 3
        assert {guarantee.command_id for guarantee in recording.guarantees} < on.known_ids
        for seed in range(3):
            assert list(premature(recording, seed)) == []
            assert cut_everywhere(recording, CUTS, seed).violations == []

    asyncio.run(fails_and_goes_on())


def test_a_file_that_cannot_be_read_is_reported_until_it_can_be_read(tmp_path: Path) -> None:
    async def fails_and_recovers() -> None:
        async with scene(tmp_path) as on:
            (command_id,) = on.known_ids
            client = on.run.clients[0].application
            on.known_ids |= ids_of(await lock_all(on.run, "before"))
            await on.run.rest()
            async with on.stage.watched(on.run, ("pread64:error=EIO",)):
                answers = await lock_all(on.run, "refused")
                assert_unavailable([await client.get(command_id)])
                assert await on.status("/readyz") == 503
            on.known_ids |= ids_of([answer for answer in answers if answer.code == 200])
            assert_unavailable([answer for answer in answers if answer.code != 200])
            await on.ready()
            on.known_ids |= ids_of(await lock_all(on.run, "taken"))
            assert (await client.get(command_id)).code == 200
            await on.run.server.kill()
        assert rows_left(on).commands.keys() == on.known_ids
        assert list(premature(on.stage.recordings[-1], SEED)) == []

    asyncio.run(fails_and_recovers())
