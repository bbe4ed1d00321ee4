from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from .product import Product, product

BYSTANDERS = 80


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """One product for a whole module whose tests each take a vehicle of their own."""
    async with product(tmp_path_factory.mktemp("hostile"), BYSTANDERS) as running:
        yield running


@pytest.fixture(scope="module")
def vins() -> Iterator[str]:
    return (f"HOSTILE{number:03d}" for number in count(1))


@pytest.fixture
def vin(vins: Iterator[str]) -> str:
    """A VIN that no other test of the module uses."""
    return next(vins)
