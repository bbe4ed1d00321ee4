"""An installation without a server: a real store in a real directory, worked through the administration operations."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from keyturn.admin.operation import Installation
from keyturn.auth.keyring import Keyring, open_keyring
from keyturn.auth.tokens import Authenticator
from keyturn.errors import OperationError
from keyturn.operations import perform
from keyturn.store.port import Store
from tests.store.adapters import open_store
from tests.support.clock import ManualClock

T = TypeVar("T")

INSTALLATION = Installation(
    connectors=frozenset({"acme", "relay"}),
    commands=frozenset({"location", "start", "enable_ignition", "disable_ignition"}),
    sensitive=frozenset({"enable_ignition", "disable_ignition"}),
    reads=frozenset({"location"}),
)
TOKEN_LIFE = 3600


class TenantEnv:
    """Runs administration operations, and the directory that applications authenticate with."""

    def __init__(self, data: Path, clock: ManualClock | None = None, key_file: Path | None = None) -> None:
        self.data = data
        self.key_file = key_file or data / "keyturn.keys"
        self.clock = clock or ManualClock()
        self._runner = asyncio.Runner()
        self.store: Store = self.wait(_opened(data, self.clock))
        self.keyring: Keyring = self.wait(open_keyring(self.store, self.key_file))
        self.directory = Authenticator(self.store, self.keyring, self.clock, TOKEN_LIFE)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self.wait(self.store.close())
        self._runner.close()

    def do(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        work = self.store.write(lambda tx: perform(tx, self.keyring, INSTALLATION, name, arguments, "operator:local"))
        return self.wait(work)

    def refused(self, name: str, /, **arguments: Any) -> OperationError:
        with pytest.raises(OperationError) as refusal:
            self.do(name, **arguments)
        return refusal.value

    def token(self, application: dict[str, Any]) -> str | None:
        return self.wait(self.directory.token(application["client_id"], application["client_secret"]))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.wait(self.store.read(lambda tx: tx.all(sql)))

    def files_hold(self, text: str) -> bool:
        return any(text.encode() in path.read_bytes() for path in self.data.rglob("*") if path.is_file())


async def _opened(data: Path, clock: ManualClock) -> Store:
    return open_store(data, clock)
