from collections.abc import AsyncIterator

import pytest

from tests.support.policy_env import PolicyEnv, policy_env


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PolicyEnv]:
    async with policy_env(tmp_path_factory.mktemp("two")) as env:
        yield env


@pytest.fixture
async def env(opened: PolicyEnv) -> PolicyEnv:
    """Time passes with every sign-in: the token is a new one."""
    await opened.server.first.log_in()
    return opened


@pytest.fixture
def vin(env: PolicyEnv) -> str:
    return next(env.vins)
