from collections.abc import AsyncIterator, Iterator

import pytest

from keyturn_simulator import fleet_vins
from tests.support.server_env import FLEET, ServerEnv, server_env


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    """One server for a whole module whose tests each take a vehicle of their own."""
    async with server_env(tmp_path_factory.mktemp("shared"), vehicles=FLEET) as running:
        yield running


@pytest.fixture(scope="module")
def garage() -> Iterator[str]:
    """Healthy parked vehicles with a combustion engine, each given out once."""
    fleet = [vehicle for vehicle in fleet_vins(FLEET) if vehicle.ordinary and vehicle.powertrain == "combustion"]
    return iter([vehicle.vin for vehicle in fleet])


@pytest.fixture
def vin(garage: Iterator[str]) -> str:
    """A healthy parked vehicle that no other test of the module touches."""
    return next(garage)
