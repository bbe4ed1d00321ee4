"""An installation on disk: a configuration file, and data with companies, applications and vehicles in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from keyturn.administration import Administration, open_offline
from keyturn.config.loading import load_settings
from tests.support.clients import Application, held_by
from tests.support.server_env import ALL_COMMANDS, OEM_TOKEN, enrolments

COMPANY = "first"
ORDINARY = "9KTFLEET"
"""Begins the VIN of every simulated vehicle without a behaviour of its own."""

_CONFIG = """\
[server]
data = "{data}"
drain_timeout = 10.0

[limits]
application_rate = 0
codes_per_hour = 100
failed_attempts_per_minute = 100000

[confirmation]
life = 20.0

[commands]
initiate_wait = 0.5

[engine]
send_window = 1.0
answer_timeout = 4.0
breaker_vehicles = 1000000

[connectors.simulator]
definition = "simulator"
base_url = "{oem_url}"
timeout = 3.0
follow_floor = 1.0
follow_ceiling = 4.0

[connectors.simulator.answer_wait]
{waits}
"""
_ACCOUNT = "simulator"
_ANSWER_WAIT = 20.0


@dataclass(frozen=True)
class Installation:
    """What a server is started with, and what its clients hold."""

    config: Path
    data: Path
    applications: list[dict[str, Any]]

    async def logged_in(self, number: int, url: str, http: aiohttp.ClientSession) -> Application:
        """The application of that number, with a token."""
        application = held_by(self.applications[number], url, http)
        await application.log_in()
        return application


def written_config(folder: Path, data: Path, oem_url: str) -> Path:
    """A configuration for the simulated OEM at `oem_url`, with waits that a test can sit out."""
    waits = "\n".join(f"{command} = {_ANSWER_WAIT}" for command in ALL_COMMANDS)
    config = folder / "keyturn.toml"
    config.write_text(_CONFIG.format(data=data, oem_url=oem_url, waits=waits))
    return config


async def install(
    folder: Path, oem_url: str, *, vehicles: int = 1, applications: int = 1, data: Path | None = None
) -> Installation:
    """One company with so many applications, and so many of the simulator's ordinary vehicles."""
    data = data or folder / "data"
    config = written_config(folder, data, oem_url)
    async with open_offline(load_settings(config, {})) as administration:
        return Installation(config, data, await _enrolled(administration, vehicles, applications))


async def _enrolled(administration: Administration, vehicles: int, applications: int) -> list[dict[str, Any]]:
    account = {"company": COMPANY, "connector": _ACCOUNT, "name": _ACCOUNT, "credentials": OEM_TOKEN}
    fleet = [row for row in enrolments(vehicles) if row["vin"].startswith(ORDINARY)]
    await administration.administer_all(
        [
            ("plan add", {"name": "all", "commands": ALL_COMMANDS}),
            ("company add", {"name": COMPANY}),
            ("account add", account),
            *(("vehicle add", row) for row in fleet),
        ]
    )
    wanted = {"company": COMPANY, "grants": ALL_COMMANDS}
    return await administration.administer_all(
        [("application add", {**wanted, "name": f"application {number}"}) for number in range(applications)]
    )
