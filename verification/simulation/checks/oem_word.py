"""What an OEM said in time is not lost."""

from collections.abc import Iterator

from verification.results import named
from verification.simulation.run_result import SimulationResult


def heard(left: SimulationResult) -> Iterator[str]:
    """Where nothing goes wrong and there is time, nothing ends unknown."""
    plan = left.plan
    troubled = plan.rates or plan.crashes or plan.events or plan.declares["cloud"].quota
    if troubled or plan.settings.commands.answer_wait["start"] < 20.0:
        return
    for row in left.commands.values():
        if row["state"] == "Unknown":
            yield f"{named(row)} is Unknown for no reason"
