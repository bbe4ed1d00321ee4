"""The measured installation: one application, and vehicles behind two connectors with different initiate waits."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from keyturn.administration import Administration, open_offline
from keyturn.auth.keyring import open_keyring
from keyturn.auth.tokens import Authenticator
from keyturn.clock import SystemClock, after
from keyturn.commands.admission.registration import uuid7
from keyturn.commands.model import lifecycle
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State, Status
from keyturn.config.settings import (
    ConnectorSettings,
    EngineSettings,
    HttpSettings,
    LimitSettings,
    ServerSettings,
    Settings,
)
from keyturn.store.port import Row, Tx
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.store import open_sqlite

ANSWERED, AWAITED = "answered", "awaited"
INITIATE_WAIT = {ANSWERED: 0.0, AWAITED: 5.0}
"""Seconds for which a POST waits for the OEM's first answer, by connector."""
HOLDING = "unlock_door"
"""Accepted forever for each vehicle of a held fleet, so that its lane stays occupied."""
_NEVER = 86_400.0
"""Seconds: beyond the end of any measurement."""


class Installation(NamedTuple):
    """A prepared data directory, and what its one application needs to ask for commands."""

    data: Path
    token: str
    sign_secret: str


def vins(connector: str, count: int) -> list[str]:
    """The vehicles behind a connector."""
    prefix = "9BW" if connector == ANSWERED else "8AP"
    return [f"{prefix}{number:014}" for number in range(count)]


def settings_at(data: Path) -> Settings:
    """No limit on rates, and no sweep while something is measured."""
    unused = ConnectorSettings(http=HttpSettings("simulator", base_url="http://127.0.0.1:9"))
    return Settings(
        server=ServerSettings(port=0, data=str(data)),
        limits=LimitSettings(application_rate=0),
        engine=EngineSettings(sweep_interval=_NEVER),
        connectors=dict.fromkeys(INITIATE_WAIT, unused),
    )


async def prepare(data: Path, vehicles: int, *, held: bool = False) -> Installation:
    """Enrol `vehicles` behind each connector; `held`: behind one, and each has a command that the OEM never answers."""
    settings, clock = settings_at(data), SystemClock()
    async with open_offline(settings) as administration:
        application = await _enrol(administration, [ANSWERED] if held else [ANSWERED, AWAITED], vehicles)
    store = open_sqlite(data, clock, lambda _topic, _key, _row=None: None)
    directory = Authenticator(store, await open_keyring(store, settings.key_file), clock, settings.tokens.lifetime)
    token = await directory.token(application["client_id"], application["client_secret"])
    assert token is not None, "the application is active"
    if held:
        await store.write(_hold)
    await store.close()
    return Installation(data, token, application["sign_secret"])


async def _enrol(administration: Administration, connectors: list[str], vehicles: int) -> dict[str, Any]:
    await administration.administer("plan add", {"name": "all", "commands": list(COMMANDS)})
    await administration.administer("company add", {"name": "company"})
    wanted = {"company": "company", "name": "app", "grants": list(COMMANDS)}
    added = await administration.administer("application add", wanted)
    for connector in connectors:
        account = {"company": "company", "connector": connector, "name": connector, "credentials": {"token": "none"}}
        await administration.administer("account add", account)
    rows = [_vehicle(connector, vin) for connector in connectors for vin in vins(connector, vehicles)]
    await administration.administer_all([("vehicle add", row) for row in rows])
    return added


def _vehicle(connector: str, vin: str) -> dict[str, Any]:
    return {"company": "company", "vin": vin, "account": connector, "plan": "all", "ownership": "owned"}


def _hold(tx: Tx) -> None:
    (application,) = tx.all("SELECT id FROM application")
    for row in tx.all("SELECT id, company_id, account_id, vin FROM vehicle"):
        lifecycle.register(tx, _holding(tx, application[0], row), segment=0)


def _holding(tx: Tx, actor: str, row: Row) -> Command:
    vehicle_id, company_id, account_id, vin = row
    return Command(
        id=uuid7(tx.now),
        company_id=company_id,
        actor=actor,
        vehicle_id=vehicle_id,
        account_id=account_id,
        vin=vin,
        name=HOLDING,
        state=State.ACCEPTED,
        fence=1,
        epoch=1,
        status=Status.PENDING,
        detail=lifecycle.EMPTY_DETAIL,
        created_at=tx.now,
        updated_at=tx.now,
        lane_number=0,
        post_code=200,
        sent_at=tx.now,
        answer_deadline=after(tx.now, _NEVER),
        operation='{"id":"held"}',
    )


@contextmanager
def copied(installation: Installation) -> Iterator[Installation]:
    """The installation on a copy of its data."""
    with tempfile.TemporaryDirectory(dir=installation.data.parent) as directory:
        yield installation._replace(data=Path(shutil.copytree(installation.data, Path(directory) / "data")))


def registered(data: Path) -> int:
    """How many commands a running server has."""
    return int(_rows(data, "SELECT count(*) FROM command")[0][0])


def newest_commands(data: Path, count: int) -> list[str]:
    """Ids of a running server's newest commands."""
    return [row[0] for row in _rows(data, f"SELECT id FROM command ORDER BY id DESC LIMIT {count}")]


def _rows(data: Path, sql: str) -> list[Row]:
    with closing(sqlite3.connect(f"{(data / FILE_NAME).as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()
