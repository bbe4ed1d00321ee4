"""A server under load, recorded call by call: what was durable when it answered, and what a power cut leaves."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from verification.durability.disk import REMNANTS
from verification.durability.durability_check import premature
from verification.durability.power_loss import cut_everywhere, cuts
from verification.durability.recording import Recording
from verification.durability.restart_check import restarted
from verification.durability.stage import stage

SEED = 20_250_117
REQUESTS = 100
CUTS = 150


@dataclass(frozen=True)
class Recorded:
    recording: Recording
    exit_code: int
    after_a_cut: list[str]
    """What a server that was started on an image did wrong."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return asyncio.run(record(tmp_path_factory.mktemp("recorded")))


async def record(folder: Path) -> Recorded:
    async with stage(folder, SEED) as on:
        async with on.recorded() as run:
            await run.load(REQUESTS)
            exit_code = await run.server.terminate()
        recording = on.recordings[-1]
        in_the_middle = list(cuts(recording, 3, SEED))[1]
        return Recorded(recording, exit_code, await restarted(on, recording, in_the_middle, "image"))


def test_the_load_has_answers_of_every_kind(recorded: Recorded) -> None:
    guarantees = recorded.recording.guarantees
    assert recorded.exit_code == 0
    assert {guarantee.status for guarantee in guarantees} >= {"Confirmation", "Pending", "Error"}
    assert any(guarantee.spent for guarantee in guarantees)
    assert any(guarantee.guessed for guarantee in guarantees)
    assert len(guarantees) > len(
        {(guarantee.command_id, guarantee.request.key) for guarantee in guarantees if guarantee.command_id}
    )
    assert len(recorded.recording.orders) > 10


def test_nothing_is_answered_or_sent_before_it_is_durable(recorded: Recorded) -> None:
    assert list(premature(recorded.recording, SEED)) == []


def test_no_power_cut_loses_an_answer_or_what_the_oem_was_told(recorded: Recorded) -> None:
    outcome = cut_everywhere(recorded.recording, CUTS, SEED)
    assert outcome.violations == []
    assert outcome.cuts.total() == CUTS
    assert len(outcome.cuts) == len(REMNANTS)


def test_a_server_started_after_a_power_cut_sends_nothing_a_second_time(recorded: Recorded) -> None:
    assert recorded.after_a_cut == []
