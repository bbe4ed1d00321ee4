"""Two companies with everything that an insider may want to harm, and the insider in four roles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from keyturn.config.settings import CommandSettings
from keyturn.operations import perform
from keyturn.store.port import Tx
from keyturn_simulator import fleet_vins
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

VEHICLES = 6
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$Zm9yIGEgdGVzdA"
"""Of a password that the insider chose."""
ANOTHERS = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YW5vdGhlcidz"
SPECIAL = {
    "target": "9KTPARKED00000001",
    "third": "9KTTH1RD000000023",
    "planless": "9KTN0PLAN00000024",
    "other": "9KT0THER000000025",
    "consentless": "9KTNCNSNT00000029",
}
PEOPLE = {
    "hanna": ("admin", None),
    "carla": ("admin", "first"),
    "omar": ("admin", "second"),
    "abe": ("approver", "first"),
    "vera": ("viewer", "first"),
    "ivo": ("admin", None),
    "cora": ("admin", "first"),
    "alma": ("approver", "first"),
    "vito": ("viewer", "first"),
    "iva": ("viewer", None),
}
"""Role and company, by name."""
INSIDERS = ("ivo", "cora", "alma", "vito", "iva")
"""Each is the one insider of a walk of its own; then the others are honest, and do nothing."""
_SETTLED = "UPDATE operator SET role = :role, password = :password, totp = :totp WHERE name = :name"


@dataclass
class InsiderEnv:
    """`vins` by what is special about each; `waiting` is a disable of the target that awaits its second person."""

    server: ServerEnv
    vins: dict[str, str]
    waiting: str
    known: frozenset[str]
    """Secrets that the insider holds from the beginning, as the client of two applications."""


@asynccontextmanager
async def insider_env(folder: Path) -> AsyncIterator[InsiderEnv]:
    patient = CommandSettings(initiate_wait=60)
    async with server_env(folder, vehicles=VEHICLES, commands=patient) as s:
        fleet = list(fleet_vins(VEHICLES))
        ordinary = iter([each.vin for each in fleet if each.ordinary])
        vins = {name: next(ordinary) for name in ("confirmed", "possible", "inactive")} | SPECIAL
        admin = s.node.administer
        await admin("vehicle set", {"vehicle": vins["inactive"], "active": False})
        await admin("plan add", {"name": "some", "commands": [c for c in ALL_COMMANDS if c != "disable_ignition"]})
        meter = await admin("application add", {"company": "first", "name": "meter", "grants": ["location"]})
        await admin("application add", {"company": "first", "name": "vault", "grants": ALL_COMMANDS})
        await s.done(vins["confirmed"], "disable_ignition")
        await s.held(vins["possible"], "disable_ignition")
        for name, (_role, company) in PEOPLE.items():
            order = {"name": name, "email": f"{name}@example.com", "role": "viewer", "password": ANOTHERS}
            await s.node.store.write(partial(_hire, s=s, order=order, company=company))
        for name in ("app", "meter"):
            await admin("application set", {"company": "first", "application": name, "responsible": list(INSIDERS)})
        await admin("policy set", {"company": "first", "second_person": True, "disables_per_company_day": 50})
        await admin("policy set", {"company": "second", "second_person": True})
        await admin("switch throw", {"company": "second", "reach": "disable", "reason": "theft"})
        answer = await s.first.confirmed(vins["target"], "disable_ignition")
        await s.has_state(answer.body["id"], "AwaitingApproval")
        await admin("policy set", {"company": "first", "fleet_share": 50.0})
        await s.node.store.write(lambda tx: _settle(tx, s, vins))
        known = {s.first.client_secret, s.first.sign_secret, meter["client_secret"], meter["sign_secret"]}
        yield InsiderEnv(s, vins, answer.body["id"], frozenset(known))


def _hire(tx: Tx, s: ServerEnv, order: dict[str, str], company: str | None) -> None:
    desk = s.node.administration
    arguments = order | ({"company": company} if company else {})
    perform(tx, desk._keyring, desk._installation, "operator add", arguments, "operator:local")


def _settle(tx: Tx, s: ServerEnv, vins: dict[str, str]) -> None:
    """Everybody has the role, a password and a second factor of their own; and all were there for long."""
    for name, (role, _company) in PEOPLE.items():
        found = tx.one("SELECT id FROM operator WHERE name = :name", name=name)
        assert found is not None
        totp = s.node.administration._keyring.seal(b"a secret of twenty b", found[0])
        tx.run(_SETTLED, name=name, role=role, password=ANOTHERS, totp=totp)
    for vehicle_id, vin in tx.all("SELECT id, vin FROM vehicle"):
        if vin not in vins.values():
            tx.run("UPDATE vehicle SET active = 0 WHERE id = :id", id=vehicle_id)
