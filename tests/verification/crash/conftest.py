import pytest

from tests.verification.crash.runs import ShortRun


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> ShortRun:
    return ShortRun(tmp_path_factory.mktemp("crash"))
