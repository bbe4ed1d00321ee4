import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installation import Names, install
from .yard import Yard


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Names]:
    data = tmp_path_factory.mktemp("installed") / "data"
    return data, install(data)


@pytest.fixture
def names(installed: tuple[Path, Names]) -> Names:
    return installed[1]


@pytest.fixture
def yard(installed: tuple[Path, Names], tmp_path: Path) -> Iterator[Yard]:
    template, names = installed
    data = tmp_path / "data"
    shutil.copytree(template, data)
    yard = Yard(data, names)
    yield yard
    yard.close()
