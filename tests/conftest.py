"""The order in which the suite runs, and the store that tests of the domain run on."""

from collections.abc import Iterator

import pytest

from .store import adapters

ATTACKS = tuple(f"verification/{attack}" for attack in ("simulation", "crash", "durability"))
LONG = tuple(f"tests/{folder}/" for folder in (*ATTACKS, "startup", "stories", "policy", "e2e"))
ON_EACH_STORE = (
    *(f"tests/{folder}/" for folder in ("alerts", "audit", "commands", "engine", "fleet", "tenants")),
    "tests/policy/test_deadline.py",
)
"""What opens its stores by `store.adapters`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take whole files: long ones first, or one worker would be left alone with them at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each of these tests runs on every adapter; while there is one, its id does not name it."""
    if len(adapters.ADAPTERS) > 1 and metafunc.definition.nodeid.startswith(ON_EACH_STORE):
        metafunc.parametrize("store_adapter", adapters.ADAPTERS, indirect=True, scope="session")


@pytest.fixture(scope="session", autouse=True)
def store_adapter(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of the adapter that the test's stores are of. A fixture that outlives a test and opens one depends on it."""
    first = next(iter(adapters.ADAPTERS))
    name: str = getattr(request, "param", first)
    adapters.use(name)
    yield name
    adapters.use(first)
