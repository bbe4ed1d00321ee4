"""An OEM with a scripted token endpoint, and a keeper for the credentials that it replaces."""

from collections.abc import Collection
from typing import Any

from keyturn.connectors.oem_http.connector import HttpConnector
from keyturn.connectors.port import Account
from keyturn.connectors.responses import OemResponse
from tests.connectors.definitions import definition
from tests.connectors.orders import order, target
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, ReceivedRequest, answer

OAUTH: dict[str, Any] = {"scheme": "oauth2", "token_url": "/login"}
CLIENT = {"client_id": "an-id", "client_secret": "a-secret"}
ISSUED = answer(200, {"access_token": "issued"})
TAKEN = answer(202, {"op": {"id": "7"}})


class Keeper:
    """Keeps what it is given; `fails` counts how often it does not."""

    def __init__(self, fails: int = 0) -> None:
        self.kept: list[tuple[str, str, set[str]]] = []
        self._fails = fails

    async def keep(self, account_id: str, name: str, value: str, replaces: Collection[str]) -> None:
        if self._fails:
            self._fails -= 1
            raise OSError("the store is not there")
        self.kept.append((account_id, f"{name}={value}", set(replaces)))


class Cloud:
    """An OEM with a login at /login; its answers to it come one after another, the last one for all that follow."""

    def __init__(self, oem: Oem, *logins: Ending, auth: dict[str, Any], keeper: Keeper | None = None) -> None:
        self.oem = oem
        self.clock = RunningClock()
        self._logins = list(logins)
        oem.script = self._script
        described = definition(base_url=oem.url, auth={**OAUTH, **auth})
        self.connector = HttpConnector(described, self.clock, keeper=keeper)

    def _script(self, seen: ReceivedRequest) -> Ending:
        if not seen.target.startswith("/login"):
            return TAKEN
        return self._logins.pop(0) if len(self._logins) > 1 else self._logins[0]

    async def send(self, name: str = "start", **credentials: str) -> OemResponse:
        at = target(Account("account-1", credentials or CLIENT))
        return await self.connector.send(order(self.clock, name, at=at))

    @property
    def logins(self) -> list[ReceivedRequest]:
        return self.oem.to("/login")

    @property
    def used(self) -> list[str]:
        return [seen.headers["authorization"] for seen in self.oem.to("/cars")]
