import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_env import CommandEnv
from tests.support.enrolment import Names, install


@pytest.fixture(scope="session")
def installed(store_adapter: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Names]:
    data = tmp_path_factory.mktemp("installed") / "data"
    return data, install(data)


@pytest.fixture
def names(installed: tuple[Path, Names]) -> Names:
    return installed[1]


@pytest.fixture
def env(installed: tuple[Path, Names], tmp_path: Path) -> Iterator[CommandEnv]:
    template, names = installed
    data = tmp_path / "data"
    shutil.copytree(template, data)
    env = CommandEnv(data, names)
    yield env
    env.close()
