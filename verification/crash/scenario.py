"""Parameters of a run, and the installation that it begins with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyturn.administration import open_offline
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.config.loading import load_settings
from keyturn_simulator import fleet_vins

COMPANIES = ("north", "south")
"""Each with a cloud of its own, behind a connector and an account of its own; they bear its name."""
CONFIG = "keyturn.toml"
TOKEN = "sim-oem-token"
"""What the simulated clouds accept."""

_CONFIG = """\
[server]
data = "{data}"
port = {port}
drain_timeout = 5.0

[limits]
application_rate = 0
codes_per_hour = 100
failed_attempts_per_minute = 1000000

[confirmation]
life = {scenario.code_life}

[commands]
initiate_wait = {scenario.initiate_wait}

[engine]
send_window = 1.0
answer_timeout = {scenario.answer_timeout}
breaker_pause = 0.5
resolve_for = {scenario.resolve_for}

[log]
level = "warning"
"""
_CONNECTOR = """
[connectors.{name}]
definition = "simulator"
base_url = "{url}"
timeout = {scenario.answer_timeout}
follow_floor = 0.1
follow_ceiling = 1.0

[connectors.{name}.send_wait]
{send_waits}

[connectors.{name}.answer_wait]
{answer_waits}
"""


@dataclass(frozen=True)
class Scenario:
    """How much, and how long things take. Durations are seconds."""

    seed: int
    kills: int = 200
    """Of the server; the clouds' come on top."""
    clients: int = 48
    vehicles: int = 100
    """Of each company."""
    applications: int = 2
    """Of each company."""
    latency: float = 0.2
    """Median of what a vehicle takes to answer."""
    life: tuple[float, float] = (0.1, 1.0)
    """How long a server under load lives from being ready."""
    initiate_wait: float = 0.15
    code_life: float = 5.0
    send_wait: float = 3.0
    answer_wait: float = 3.0
    answer_timeout: float = 1.5
    resolve_for: float = 20.0
    """Long enough for the slowest vehicle, which acts 20 s after the command."""
    settles_within: float = 60.0

    def vins(self, company: str) -> list[str]:
        """The company's vehicles; no two companies share one."""
        ordinary = [vehicle.vin for vehicle in fleet_vins(self.fleet) if vehicle.ordinary]
        place = COMPANIES.index(company) * self.vehicles
        return ordinary[place : place + self.vehicles]

    @property
    def fleet(self) -> int:
        """How many ordinary vehicles each cloud has, the other company's among them."""
        return self.vehicles * len(COMPANIES)


@dataclass(frozen=True)
class Application:
    """One application of one company, with what its client holds."""

    id: str
    company: str
    client_id: str
    client_secret: str = field(repr=False)
    sign_secret: str = field(repr=False)


@dataclass(frozen=True)
class Installation:
    """What the servers work on, and who calls them."""

    data: Path
    applications: list[Application]


async def install(folder: Path, scenario: Scenario, port: int, clouds: dict[str, str]) -> Installation:
    """Two companies on fresh data. `clouds`: each company's OEM, by its URL."""
    config, data = folder / CONFIG, folder / "data"
    config.write_text(_config(scenario, data, port, clouds))
    async with open_offline(load_settings(config, {})) as administration:
        await administration.administer_all(list(_enrolment(scenario)))
        added = await administration.administer_all(
            [
                ("application add", {"company": company, "name": f"application {number}", "grants": list(COMMANDS)})
                for company in COMPANIES
                for number in range(scenario.applications)
            ]
        )
    return Installation(data, [_application(each) for each in added])


def _config(scenario: Scenario, data: Path, port: int, clouds: dict[str, str]) -> str:
    waits = {
        "send_waits": "\n".join(f"{command} = {scenario.send_wait}" for command in COMMANDS),
        "answer_waits": "\n".join(f"{command} = {scenario.answer_wait}" for command in COMMANDS),
    }
    connectors = (_CONNECTOR.format(name=name, url=url, scenario=scenario, **waits) for name, url in clouds.items())
    return _CONFIG.format(scenario=scenario, data=data, port=port) + "".join(connectors)


def _enrolment(scenario: Scenario) -> list[tuple[str, dict[str, Any]]]:
    steps: list[tuple[str, dict[str, Any]]] = [("plan add", {"name": "all", "commands": list(COMMANDS)})]
    for company in COMPANIES:
        account = {"company": company, "connector": company, "name": company, "credentials": {"token": TOKEN}}
        steps += [("company add", {"name": company}), ("account add", account)]
        wanted = {"company": company, "account": company, "plan": "all", "ownership": "owned", "consent": "form 1"}
        steps += [("vehicle add", {**wanted, "vin": vin, "powertrain": "combustion"}) for vin in scenario.vins(company)]
    return steps


def _application(added: dict[str, Any]) -> Application:
    secrets = {name: added[name] for name in ("client_id", "client_secret", "sign_secret")}
    return Application(added["id"], added["company"], **secrets)
