"""Companies, applications, accounts and vehicles of the demo, added by administration operations."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from keyturn.cli.demo.settings import CONNECTORS, connector_of
from keyturn.cli.demo.state import Credentials
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.errors import OperationError
from keyturn_simulator import FleetVehicle, SimulatorSettings

OperationCall = tuple[str, dict[str, Any]]
"""Name and arguments of an operation."""
AdministerAll = Callable[[list[OperationCall]], Awaitable[list[dict[str, Any]]]]
"""Does several operations in one transaction. Raises `OperationError`."""

_APPLICATION = "demo"
_CONSENT = "demo"
_PLANS = {"all": list(COMMANDS), "location": ["location"]}
_BATCH_SIZE = 1000
"""Vehicles in one page or one transaction."""


class Company(NamedTuple):
    name: str
    grants: list[str] | None
    """Grants of its application; None: the defaults."""


COMPANIES = {1: Company("Aurora Rentals", list(COMMANDS)), 2: Company("Boreal Fleet", None)}
"""By their number in the simulated fleet."""


async def enrol(
    administer_all: AdministerAll, fleet: Iterable[FleetVehicle], known: list[Credentials] | None
) -> list[Credentials]:
    """Add what is missing; the credentials of each company's application: `known`, or new ones."""
    credentials = known or await _create_companies(administer_all)
    enrolled = {vin for company in COMPANIES.values() for vin in await _enrolled(administer_all, company)}
    missing = [_add_vehicle(vehicle) for vehicle in fleet if vehicle.vin not in enrolled]
    for start in range(0, len(missing), _BATCH_SIZE):
        await administer_all(missing[start : start + _BATCH_SIZE])
    return credentials


async def _create_companies(administer_all: AdministerAll) -> list[Credentials]:
    """Add everything but vehicles, in one transaction."""
    plans: list[OperationCall] = [
        ("plan add", {"name": name, "commands": commands}) for name, commands in _PLANS.items()
    ]
    companies = [call for company in COMPANIES.values() for call in _add_company(company)]
    try:
        answers = await administer_all([*plans, *companies])
    except OperationError as error:
        if error.code != "name_taken":
            raise
        # An earlier start was killed before it saved the secrets.
        answers = await administer_all([call for company in COMPANIES.values() for call in _rotate_secrets(company)])
    return _credentials(answers)


def _add_company(company: Company) -> list[OperationCall]:
    credentials = {"token": SimulatorSettings().token}
    account = {"company": company.name, "credentials": credentials}
    application = {"company": company.name, "name": _APPLICATION, "grants": company.grants}
    return [
        ("company add", {"name": company.name}),
        *(("account add", {**account, "name": name, "connector": name}) for name in CONNECTORS),
        ("application add", application),
    ]


def _rotate_secrets(company: Company) -> list[OperationCall]:
    application = {"company": company.name, "application": _APPLICATION}
    return [
        ("application rotate-secret", application),
        ("application rotate-secret", {**application, "sign": True}),
        ("application rotate-secret", {**application, "retire": True}),
    ]


def _credentials(answers: list[dict[str, Any]]) -> list[Credentials]:
    """Credentials from the answers that hold secrets, which are those of the applications."""
    applications: dict[str, dict[str, Any]] = {}
    for answer in answers:
        if "client_id" in answer:
            applications.setdefault(answer["company"], {}).update(answer)
    return [
        Credentials(company, answer["client_id"], answer["client_secret"], answer["sign_secret"])
        for company, answer in applications.items()
    ]


async def _enrolled(administer_all: AdministerAll, company: Company) -> list[str]:
    """Every VIN that the company ever had."""
    vins: list[str] = []
    after, more = None, True
    while more:
        arguments = {"company": company.name, "limit": _BATCH_SIZE, "after": after}
        (page,) = await administer_all([("vehicle list", arguments)])
        vins += [vehicle["vin"] for vehicle in page["vehicles"]]
        after = page["next"]
        more = after is not None
    return vins


def _add_vehicle(vehicle: FleetVehicle) -> OperationCall:
    return "vehicle add", {
        "company": COMPANIES[vehicle.company].name,
        "vin": vehicle.vin,
        "account": connector_of(vehicle),
        "plan": vehicle.plan,
        "ownership": vehicle.ownership,
        "powertrain": vehicle.powertrain,
        "consent": _CONSENT if vehicle.consent else None,
    }
