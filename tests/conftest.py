"""The order in which the suite runs."""

import pytest

ATTACKS = tuple(f"verification/{attack}" for attack in ("simulation", "crash", "durability"))
LONG = tuple(f"tests/{folder}/" for folder in (*ATTACKS, "startup", "stories", "policy", "e2e"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take whole files: long ones first, or one worker would be left alone with them at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
