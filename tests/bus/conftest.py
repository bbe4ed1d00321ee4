import pytest

from keyturn.bus.memory import MemoryBus


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()
