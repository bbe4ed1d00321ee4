"""What is enrolled in every scenario: two companies, three applications, three vehicles behind two connectors.

The rows are written with fixed ids, so that a seed means the same in every process.
"""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw

from keyturn.admin.operation import Installation
from keyturn.auth.keyfile import JwtKey, Keys
from keyturn.auth.keyring import Keyring
from keyturn.auth.principal import Operator
from keyturn.commands.model.catalogue import COMMANDS, IGNITION_PAIR
from keyturn.connectors.accounts import NameSpaces
from keyturn.store.port import Tx
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.store import open_sqlite
from verification.simulation.world.clock import VirtualClock

KEYRING = Keyring(Keys("aa" * 32, "bb" * 32, (JwtKey("kid", "cc" * 32),)))
ENFORCING, RELAY = "cloud", "relay"
NAME_SPACE = "the model OEM"
"""Both connectors reach the same cars."""
INSTALLATION = Installation(
    frozenset({ENFORCING, RELAY}),
    frozenset(COMMANDS),
    IGNITION_PAIR,
    name_spaces=NameSpaces(dict.fromkeys((ENFORCING, RELAY), NAME_SPACE)),
)


class Application(NamedTuple):
    id: str
    company: str


class Enrolled(NamedTuple):
    vin: str
    company: str
    connector: str

    @property
    def id(self) -> str:
        return f"vehicle-{self.vin}"

    @property
    def account(self) -> str:
        return f"{self.company}-{self.connector}"


COMPANIES = ("company-1", "company-2")
APPLICATIONS = (
    Application("erp", "company-1"),
    Application("desk", "company-1"),
    Application("rival", "company-2"),
)
VEHICLES = (
    Enrolled("9KTCL0UD000000001", "company-1", ENFORCING),
    Enrolled("9KTRELAY000000002", "company-1", RELAY),
    Enrolled("9KTCL0UD000000003", "company-2", ENFORCING),
)
BY_VIN = {vehicle.vin: vehicle for vehicle in VEHICLES}
BY_ACCOUNT = {vehicle.account: vehicle for vehicle in VEHICLES}
APPROVERS = (
    Operator("approver-1", "approver-1", "approver", None, second_factor=True),
    Operator("approver-2", "approver-2", "approver", None, second_factor=True),
)
"""Who may approve whatever is asked for."""
UNFIT = (
    Operator("approver-1", "approver-1", "approver", None, second_factor=False),
    Operator("viewer", "viewer", "viewer", None, second_factor=True),
    Operator("responsible", "responsible", "approver", None, second_factor=True),
)
"""Who may not: signed in with a password alone, only looking on, answering for every application."""
_ALL = json.dumps(sorted(COMMANDS))
_SMALLER_PAGES = (
    "PRAGMA journal_mode = DELETE",
    "PRAGMA page_size = 2048",
    "VACUUM",
    "PRAGMA journal_mode = WAL",
)
"""Every commit writes whole pages, and a scenario has few rows: a fiftieth of its time."""


def make_template(directory: Path) -> Path:
    """A data directory with everything enrolled; every scenario begins with a copy of it."""

    async def work() -> None:
        store = open_sqlite(directory, VirtualClock(lambda: 0.0), lambda _topic, _key, _row=None: None)
        await store.write(_enrol)
        await store.close()

    asyncio.run(work())
    with closing(apsw.Connection(str(directory / FILE_NAME))) as connection:
        for statement in _SMALLER_PAGES:
            connection.execute(statement).fetchall()
    return directory


def _enrol(tx: Tx) -> None:
    tx.run("INSERT INTO plan VALUES ('plan', 'all', :all, 0)", all=_ALL)
    tx.run("INSERT INTO plan VALUES ('small', 'location only', '[\"location\"]', 0)")
    for company in COMPANIES:
        tx.run("INSERT INTO company VALUES (:id, :id, 1, 0)", id=company)
    for application in APPLICATIONS:
        tx.run(
            """INSERT INTO application
                 (id, company_id, name, client_id, client_secret_hash, secret_version, grants, active, created_at)
               VALUES (:id, :company, :id, :id, '', 1, :all, 1, 0)""",
            all=_ALL,
            **application._asdict(),
        )
    for vehicle in VEHICLES:
        _enrol_vehicle(tx, vehicle)
    for operator in {operator.id: operator for operator in (*APPROVERS, *UNFIT)}.values():
        _add_operator(tx, operator)
    for application in APPLICATIONS:
        tx.run("INSERT INTO responsible_operator VALUES (:id, 'responsible')", id=application.id)


def _add_operator(tx: Tx, operator: Operator) -> None:
    tx.run(
        """INSERT INTO operator (id, name, email, role, grants, password, totp_step, active, created_by, created_at)
           VALUES (:id, :id, '', :role, '[]', '', 0, 1, 'local', 0)""",
        id=operator.id,
        role=operator.role,
    )


def _enrol_vehicle(tx: Tx, vehicle: Enrolled) -> None:
    sealed = KEYRING.seal(b'{"token": "none"}', vehicle.account)
    tx.run(
        "INSERT INTO oem_account VALUES (:id, :company, :connector, :connector, :sealed, 1, 0)",
        id=vehicle.account,
        company=vehicle.company,
        connector=vehicle.connector,
        sealed=sealed,
    )
    tx.run(
        """INSERT INTO vehicle
             (id, company_id, vin, account_id, external_id, ownership, powertrain, plan_id, fuel_reserve, consent_at,
              consent_reference, active, created_at)
           VALUES (:id, :company, :vin, :account, :vin, 'owned', 'combustion', 'plan', 10.0, 1, 'form', 1, 0)""",
        id=vehicle.id,
        company=vehicle.company,
        vin=vehicle.vin,
        account=vehicle.account,
    )
