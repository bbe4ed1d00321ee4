"""``python -m verification.durability``: record a server under load, and cut the power in thousands of places."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from verification.durability.durability_check import premature
from verification.durability.power_loss import Outcome, cut_everywhere, cuts
from verification.durability.recording import Recording
from verification.durability.restart_check import restarted
from verification.durability.stage import Stage, stage
from verification.report import print_counts, print_findings
from verification.results import Violation

CHECKS = _BEFORE, _CUT, _RESTARTED = (
    "nothing is answered or sent before it is durable",
    "no power cut loses what was answered or sent",
    "a server recovers after a power cut",
)


def main() -> int:
    """0: nothing that was answered or sent was lost by any cut."""
    parser = argparse.ArgumentParser(prog="python -m verification.durability", description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="sent to the server that is recorded")
    parser.add_argument("--cuts", type=int, default=2000)
    parser.add_argument("--starts", type=int, default=5, help="images that a server is started on")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="durability-") as home:
        violations = asyncio.run(run(Path(home), given.requests, given.cuts, given.starts, given.seed))
    print(f"seed {given.seed}")
    return print_findings(violations, CHECKS)


async def run(home: Path, requests: int, count: int, starts: int, seed: int) -> list[Violation]:
    """All violations; prints what was examined."""
    async with stage(home, seed) as on:
        began = time.monotonic()
        async with on.recorded() as server:
            await server.load(requests)
            await server.server.terminate()
        recording = on.recordings[-1]
        _describe(recording, time.monotonic() - began)
        began = time.monotonic()
        early = [Violation(_BEFORE, problem) for problem in premature(recording, seed)]
        outcome = cut_everywhere(recording, count, seed)
        _print_outcome(outcome, time.monotonic() - began)
        lost = [Violation(_CUT, problem) for problem in outcome.violations]
        return [*early, *lost, *await _started(on, recording, starts, seed)]


async def _started(on: Stage, recording: Recording, starts: int, seed: int) -> list[Violation]:
    found: list[Violation] = []
    for number, cut in enumerate(cuts(recording, starts, seed)):
        wrong = await restarted(on, recording, cut, f"image-{number}")
        found += [Violation(_RESTARTED, f"started after a cut at line {cut.at}: {each}") for each in wrong]
    print(f"{starts} servers started on images")
    return found


def _describe(recording: Recording, seconds: float) -> None:
    answered, syncs = len(recording.guarantees), len(recording.syncs)
    print(f"recorded in {seconds:.1f} s: {answered} answers and {len(recording.orders)} orders to the OEM", end=", ")
    print(f"{len(recording.events) - syncs} file changes, {syncs} syncs")


def _print_outcome(outcome: Outcome, seconds: float) -> None:
    total = sum(outcome.cuts.values())
    print(f"{total} cuts in {seconds:.1f} s, {outcome.kept} answers and orders looked up in the images")
    print_counts(
        (f"cuts that kept {name} of the unsynced changes", number) for name, number in sorted(outcome.cuts.items())
    )


if __name__ == "__main__":
    sys.exit(main())
