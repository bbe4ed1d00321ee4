from collections.abc import Iterator

import pytest

from tests.support.api_env import ApiEnv, open_api


@pytest.fixture
def env() -> Iterator[ApiEnv]:
    with open_api() as opened:
        yield opened
