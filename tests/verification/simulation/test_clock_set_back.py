"""A wall clock that was set back by an hour delays nothing, in the real engine and virtual time.

The store's time stops until the wall clock has caught up, so whatever only looks at the store's time waits for
an hour.
"""

from typing import Any

import pytest
from verification.simulation.world.clock import START
from verification.simulation.world.loop import until
from verification.simulation.world.world import World

from keyturn.clock import SECOND
from tests.verification.simulation.calm import VIN, lived

HOUR = 3_600.0


class Planned:
    """Faults one after the other, at one place; then none."""

    def __init__(self, world: World, place: str, *faults: str) -> None:
        self._draw = world.faults.draw
        self._place = place
        self._faults = list(faults)

    def draw(self, place: str) -> str | None:
        if place == self._place and self._faults:
            return self._faults.pop(0)
        return self._draw(place)


async def answered(world: World, command: str, code: str | None = None) -> tuple[dict[str, Any], float]:
    """What is answered, and after how many seconds."""
    asked_at = world.loop.time()
    _, body = await world.living()[0].post("erp", vin=VIN, command=command, code=code)
    return body, world.loop.time() - asked_at


@pytest.mark.parametrize("when", ["before the request", "while it waits"])
def test_a_caller_is_answered_when_the_wait_is_over(world: World, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Planned(world, "send", "no answer, not taken")
    monkeypatch.setattr(world.faults, "draw", faults.draw)
    if when == "before the request":
        world.loop.call_later(0.5, world.clock.step, -HOUR)
        asked_at = 1.0
    else:
        world.loop.call_later(2.0, world.clock.step, -HOUR)
        asked_at = 0.0

    async def story() -> None:
        await until(lambda: world.loop.time() >= asked_at, 10.0, 0.1)
        body, seconds = await answered(world, "location")
        assert body["status"] == "Pending"
        assert 4.9 < seconds < 6.0

    lived(world, story())


def test_what_restores_is_tried_again_at_its_usual_pace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Planned(world, "send", *["refused for now"] * 3)
    monkeypatch.setattr(world.faults, "draw", faults.draw)
    monkeypatch.setattr("verification.simulation.world.connector._PAUSES", (None,))
    world.cloud.cars[VIN].obey(START - SECOND, "disable_ignition")

    async def story() -> None:
        code = (await answered(world, "enable_ignition"))[0]["code"]
        world.clock.step(-HOUR)
        await answered(world, "enable_ignition", str(code))
        began = world.loop.time()
        assert await until(lambda: bool(world.cloud.ledger), 60.0, 0.1)
        assert world.loop.time() - began < 15.0

    lived(world, story())
    assert [act.name for act in world.cloud.ledger] == ["enable_ignition"]
    assert len(world.cloud.sendings) == 4
