"""An installation that tests share: two applications of one company, one vehicle behind an OEM, and another company."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from keyturn.admin.operation import Answer, Installation
from keyturn.auth.keyfile import JwtKey, Keys
from keyturn.auth.keyring import Keyring
from keyturn.commands.model.catalogue import COMMANDS, IGNITION_PAIR
from keyturn.operations import perform
from keyturn.store.port import Tx
from tests.support.clock import START, ManualClock

from ..store.adapters import open_store

NOW = START
VIN = "9KTPARKED00000001"
OTHERS_VIN = "9KT0THER000000025"
KEYRING = Keyring(Keys("aa" * 32, "bb" * 32, (JwtKey("kid", "cc" * 32),)))
INSTALLATION = Installation(frozenset({"oem"}), frozenset(COMMANDS), IGNITION_PAIR)


@dataclass(frozen=True)
class Names:
    """Ids of what was enrolled."""

    company: str
    application: str
    colleague: str
    """Another application of the same company."""
    vehicle: str
    other_company: str
    other_application: str


def administer(tx: Tx, name: str, /, **arguments: object) -> Answer:
    return perform(tx, KEYRING, INSTALLATION, name, arguments, "operator:test")


def enrol(tx: Tx) -> Names:
    administer(tx, "plan add", name="all", commands=sorted(COMMANDS))
    administer(tx, "plan add", name="location", commands=["location"])
    vehicles, companies, applications = [], [], []
    for company, vin in (("first", VIN), ("second", OTHERS_VIN)):
        companies.append(administer(tx, "company add", name=company)["id"])
        for application in ("erp", "desk"):
            added = administer(tx, "application add", company=company, name=application, grants=sorted(COMMANDS))
            applications.append(added["id"])
        administer(tx, "account add", company=company, connector="oem", name="main", credentials={"token": "t"})
        vehicles.append(add_vehicle(tx, vin, company)["id"])
    return Names(companies[0], applications[0], applications[1], vehicles[0], companies[1], applications[2])


def add_vehicle(tx: Tx, vin: str, company: str = "first") -> Answer:
    given = {"account": "main", "plan": "all", "ownership": "owned", "consent": "form 1"}
    return administer(tx, "vehicle add", company=company, vin=vin, **given)


def install(data: Path) -> Names:
    """A data directory with everything enrolled; tests copy it."""

    async def work() -> Names:
        store = open_store(data, ManualClock())
        try:
            return await store.write(enrol)
        finally:
            await store.close()

    return asyncio.run(work())
