"""The installation that is measured, in the textbook's own database."""

import asyncio
import json
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.installation import ANSWERED, Installation, vins
from benchmarks.textbook.database import open_engine
from benchmarks.textbook.models import Application, Base, Company, OemAccount, Plan, SignSecret, Vehicle
from benchmarks.textbook.server import DATABASE, KEY_BYTES, KEYS
from keyturn.commands.model.catalogue import COMMANDS

_NONCE_BYTES = 12
_LIFE = 3600


def prepare(data: Path, vehicles: int) -> Installation:
    """Make the keys and the tables, and enrol the vehicles."""
    data.mkdir(parents=True)
    jwt_key, master_key = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
    (data / KEYS).write_bytes(jwt_key + master_key)
    sign_secret = secrets.token_urlsafe(KEY_BYTES)
    asyncio.run(_fill(data / DATABASE, [*_installation(_sealed(master_key, sign_secret)), *_fleet(vehicles)]))
    claims = {"sub": "application", "ver": 1, "exp": int(time.time()) + _LIFE}
    return Installation(data, jwt.encode(claims, jwt_key, "HS256"), sign_secret)


async def _fill(path: Path, rows: list[Base]) -> None:
    engine = open_engine(path)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all(rows)
        await session.commit()
    await engine.dispose()


def _installation(sealed: bytes) -> Iterable[Base]:
    names = json.dumps(list(COMMANDS))
    return (
        Company(id="company", name="company", active=True),
        Application(
            id="application",
            company_id="company",
            client_id="client",
            client_secret_hash="",
            secret_version=1,
            grants=names,
            active=True,
        ),
        SignSecret(application_id="application", slot=1, sealed=sealed),
        Plan(id="plan", commands=names),
        OemAccount(id="account", company_id="company", connector=ANSWERED, active=True),
    )


def _fleet(vehicles: int) -> Iterable[Base]:
    return (
        Vehicle(
            id=f"vehicle-{vin}",
            company_id="company",
            vin=vin,
            account_id="account",
            plan_id="plan",
            ownership="owned",
            active=True,
        )
        for vin in vins(ANSWERED, vehicles)
    )


def _sealed(master_key: bytes, sign_secret: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(master_key).encrypt(nonce, sign_secret.encode(), b"application")
