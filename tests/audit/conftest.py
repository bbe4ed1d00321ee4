from pathlib import Path

import pytest

from .house import House


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Ten sealed entries in each of three chains, checkpoints over them, and one more entry in each."""
    house = House(tmp_path_factory.mktemp("built") / "data")
    house.tell(30)
    house.checkpoint()
    house.tell(3)
    house.seal()
    return house


@pytest.fixture
def house(built: House, tmp_path: Path) -> House:
    """As built: each chain has entries 1 to 10, the checkpoint's own 11, and 12."""
    return built.copy(tmp_path / "data")
