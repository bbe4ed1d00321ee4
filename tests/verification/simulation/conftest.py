"""The world of the tests that tell one story each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from verification.simulation.world.world import World

from tests.verification.simulation.calm import calm_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with calm_world(tmp_path) as made:
        yield made
