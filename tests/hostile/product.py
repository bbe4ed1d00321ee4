"""The whole product with an OEM that means no good beside a good one, and an origin that nobody should call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyturn.config.settings import CommandSettings, ConnectorSettings, EngineSettings
from tests.hostile.hostile_oem import Behaviour, HostileOem
from tests.support.clients import Answer
from tests.support.server_env import ServerEnv, server_env

from ..connectors.configured import http_settings

TOKEN = "hostile-oem-token"
SECRET = "hostile-client-secret"
REFRESH = "hostile-refresh-token"
CREDENTIALS = {
    "hostile": {"token": TOKEN},
    "hostile-oauth": {"client_id": "keyturn", "client_secret": SECRET},
    "hostile-refresh": {"refresh_token": REFRESH},
}
"""An account's, by connector."""

_DEFINITION = """\
mode = "operation"
timeout = {timeout}

[declares]
enforces_preconditions = true
blocks_next_start_only = true
follow_floor = 0.05
follow_ceiling = 0.1

[declares.send_wait]
alert = {send_wait}

[declares.answer_wait]
alert = {answer_wait}

[auth]
{auth}

[send]
path = "/vehicles/{{vehicle.external_id}}/commands/{{command.name}}"
body = {{ ref = "{{command.id}}" }}

[accepted]
id = "id"
url = "url"

[status]
path = "/operations/{{operation.id}}"

[result]
state = "state"
succeeded = ["done"]
failed = ["failed"]
completed_at = "at"
error_code = "code"
data = "data.{{name}}"

[[answers]]
status = [503]
means = "not_taken"
temporary = true

[state]
path = "/vehicles/{{vehicle.external_id}}/state"
value = "signals.{{name}}.value"
as_of = "signals.{{name}}.as_of"

[state.signals]
doors_locked = {{}}
speed = {{}}

[commands.alert]

[commands.start]

[commands.location.data]
latitude = {{}}
longitude = {{}}

[commands.lock_door]
method = "PUT"
"""
_BEARER = 'scheme = "bearer"'
_OAUTH = 'scheme = "oauth2"\ntoken_url = "/oauth/token"\nclient_in = "header"'
_REFRESH = 'scheme = "oauth2"\ntoken_url = "/oauth/refresh"\ngrant = "refresh_token"'
_TIMEOUT = 0.5
_SEND_WAIT = 1.5
"""What is refused for now is tried again and fails while its POST waits: the third try would come too late."""
_ANSWER_WAIT = 1.0
_INITIATE_WAIT = 2.0


@dataclass
class Product:
    """What a test drives."""

    server: ServerEnv
    oem: HostileOem
    elsewhere: HostileOem
    """Another origin: whatever it hears is one thing too many."""
    bystanders: list[str]
    """Healthy vehicles of the good OEM."""

    async def meets(self, vin: str, behaviour: Behaviour, connector: str = "hostile") -> None:
        """Enrol a vehicle with an account of its own, whose commands are met with this behaviour."""
        self.oem.behave(f"/vehicles/{vin}/commands/", behaviour)
        account = {"company": "first", "connector": connector, "name": vin, "credentials": CREDENTIALS[connector]}
        await self.server.node.administer("account add", account)
        await self.server.vehicle(vin, account=vin)

    async def send(self, vin: str, command: str = "alert") -> Answer:
        return await self.server.first.post(vin, command)

    async def get(self, command_id: str) -> dict[str, Any]:
        """The record once it is final."""
        return await self.server.first.final(command_id)

    async def timeline(self, command_id: str) -> list[dict[str, Any]]:
        """What an operator reads of the command, oldest first."""
        shown: dict[str, Any] = await self.server.node.administer("command show", {"command": command_id})
        return list(shown["timeline"])

    def assert_kept_to_itself(self) -> None:
        """Nothing was sent to another origin, and no secret of the account was written down."""
        assert (self.elsewhere.connections, self.elsewhere.seen) == (0, [])
        told = "".join(entry["body"] for entry in self.server.store.rows("SELECT body FROM entry"))
        assert TOKEN not in told
        assert SECRET not in told
        assert REFRESH not in told

    async def still_serves(self) -> None:
        """Another vehicle's command succeeds now."""
        posted = await self.server.first.post(self.bystanders.pop(), "lock_door")
        assert posted.code == 200, posted
        record = await self.server.first.final(posted.body["id"])
        assert record["status"] == "Success", record


@asynccontextmanager
async def product(folder: Path, bystanders: int) -> AsyncIterator[Product]:
    """A node with three connectors to the hostile side: the token of one is given, those of the others fetched."""
    async with HostileOem() as oem, HostileOem() as elsewhere:
        others = {
            "hostile": _connector(folder, "hostile", oem.url, auth=_BEARER),
            "hostile-oauth": _connector(folder, "hostile-oauth", oem.url, auth=_OAUTH),
            "hostile-refresh": _connector(folder, "hostile-refresh", oem.url, auth=_REFRESH),
        }
        commands = CommandSettings(initiate_wait=_INITIATE_WAIT)
        engine = EngineSettings(sweep_interval=0.05, breaker_vehicles=1_000_000)
        async with server_env(folder, vehicles=bystanders, commands=commands, engine=engine, others=others) as all_:
            vins = [vehicle.vin for vehicle in all_.simulator.simulation.fleet.values() if vehicle.ordinary]
            yield Product(all_, oem, elsewhere, vins)


def _connector(folder: Path, name: str, url: str, *, auth: str) -> ConnectorSettings:
    path = folder / f"{name}.toml"
    path.write_text(_DEFINITION.format(auth=auth, timeout=_TIMEOUT, send_wait=_SEND_WAIT, answer_wait=_ANSWER_WAIT))
    return http_settings(definition=str(path), base_url=url)
