from collections.abc import Iterator

import pytest

from .processes import Demo

TOKEN_LIFE = 7200
"""Seconds; not the default."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with Demo(tmp_path_factory.mktemp("demo"), KEYTURN_TOKENS_LIFE=str(TOKEN_LIFE)) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "CLIENT_ID", "CLIENT_SECRET", "SIGN_SECRET", "SERVER_DATA", "SERVER_PORT"):
        monkeypatch.delenv(f"KEYTURN_{name}", raising=False)
