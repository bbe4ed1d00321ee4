from collections.abc import Iterator

import pytest

from keyturn_client import KeyturnClient

from ..cli.processes import Demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with Demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def client(demo: Demo) -> Iterator[KeyturnClient]:
    company = demo.told["companies"][0]
    with KeyturnClient(
        demo.told["url"], company["client_id"], company["client_secret"], company["sign_secret"]
    ) as client:
        yield client
