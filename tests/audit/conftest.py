from pathlib import Path

import pytest

from keyturn.audit.checkpoints import Signed

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


@pytest.fixture
def backup(house: House, tmp_path: Path) -> Path:
    """Made where each chain has twelve entries, ten of them under a checkpoint."""
    return house.back_up(tmp_path / "backup.db")


@pytest.fixture
def kept(house: House, backup: Path) -> list[Signed]:
    """Checkpoints that left the machine after the backup was made."""
    house.tell(9)
    kept = house.checkpoint()
    house.tell(9)
    return [*kept, *house.checkpoint()]
