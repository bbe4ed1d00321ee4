from collections.abc import AsyncIterator

import pytest

from keyturn_simulator import Simulator, SimulatorClock, SimulatorSettings

from .oem import NOON, Oem, caller


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
async def base_url(anyio_backend: str) -> AsyncIterator[str]:
    async with Simulator(SimulatorSettings(seed=7), SimulatorClock.manual(NOON)) as simulator:
        yield simulator.base_url


@pytest.fixture
async def oem(base_url: str) -> AsyncIterator[Oem]:
    """The OEM API with fresh data and a manual clock."""
    async with caller(base_url) as oem:
        await oem.control("reset")
        yield oem
