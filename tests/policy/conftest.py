from collections.abc import AsyncIterator

import pytest

from .house import House, opened_house


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with opened_house(tmp_path_factory.mktemp("two")) as house:
        yield house


@pytest.fixture
async def house(opened: House) -> House:
    """Time passes with every sign-in: the token is a new one."""
    await opened.stage.first.log_in()
    return opened


@pytest.fixture
def vin(house: House) -> str:
    return next(house.vins)
