from collections.abc import AsyncIterator

import pytest

from tests.support.oem import Oem


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def oem() -> AsyncIterator[Oem]:
    async with Oem() as server:
        yield server
