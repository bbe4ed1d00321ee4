from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from keyturn.store.port import Database, Store
from tests.support.clock import ManualClock

from .adapters import ADAPTERS
from .work import Announced


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000)


@pytest.fixture
def announced() -> list[Announced]:
    return []


@pytest.fixture(params=ADAPTERS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return ADAPTERS[request.param].database(tmp_path / "data")


@pytest.fixture
async def open_store(
    database: Database, clock: ManualClock, announced: list[Announced]
) -> AsyncIterator[Callable[[], Store]]:
    """Opens the adapter's store, on what the last one kept; closes what the test leaves open."""
    async with AsyncExitStack() as stores:

        def open_one() -> Store:
            store = database.open(clock, lambda topic, key, _row=None: announced.append((topic, key)))
            stores.push_async_callback(store.close)
            return store

        yield open_one


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
