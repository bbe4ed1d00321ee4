"""Deactivating an application or a company is done at once, and never takes away the way back of its vehicles."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED = "9KTPARKED00000001"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path, vehicles=3) as s:
        yield s


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("application set", {"application": "app", "company": "first", "active": False}),
        ("company set", {"company": "first", "active": False}),
    ],
)
async def test_an_operator_enables_the_vehicles_of_what_was_deactivated(
    site: ServerEnv, operation: str, arguments: dict[str, object]
) -> None:
    disabled = await site.first.confirmed(PARKED, "disable_ignition")
    assert (await site.first.final(disabled.body["id"]))["status"] == "Success"
    await site.node.administer(operation, arguments)

    await site.node.administer("keep-enabling start", {"vehicle": PARKED})
    await site.eventually(lambda: bool(site.store.entries("keep_enabling.ended")))
    assert await site.actuations(PARKED) == ["disable_ignition", "enable_ignition"]
