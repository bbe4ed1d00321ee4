"""A change that loosens, at a running server: from the sign-in to its taking effect."""

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from keyturn.auth.principal import Credentials
from keyturn.auth.totp import code_at, step_at
from keyturn.errors import OperationError
from tests.support.server_env import ServerEnv, server_env

PASSWORD = "a long enough phrase"
ANA = {"name": "ana", "email": "ana@example.com", "role": "admin", "password": PASSWORD}
NOTICE = 600.0
pytestmark = pytest.mark.anyio


async def signed_in(running: ServerEnv) -> Credentials:
    """Of an admin with a second factor, the only one."""
    await running.node.administer("operator add", dict(ANA))
    told = await running.node.administer("operator enrol-totp", {}, Credentials("ana", PASSWORD))
    secret = base32(told["otpauth"])
    return Credentials("ana", PASSWORD, code_at(secret, step_at(running.clock.now())))


def base32(uri: str) -> bytes:
    return base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])


async def test_a_running_server_makes_a_change_when_its_time_has_come(tmp_path: Path) -> None:
    async with server_env(tmp_path, vehicles=3) as running:
        ana = await signed_in(running)
        loosening = {"plan": "location", "commands": ["location", "start"]}
        with pytest.raises(OperationError, match="signed in with a code"):
            await running.node.administer("plan set", loosening)
        change = await running.node.administer("plan set", loosening, ana)
        assert change["state"] == "pending"

        async def made() -> bool:
            shown = await running.node.administer("change show", {"change": change["change"]})
            return bool(shown["state"] == "applied")

        assert not await made()
        running.advance(NOTICE)
        await running.eventually(made)
        assert (await running.node.administer("plan show", {"plan": "location"}))["commands"] == ["location", "start"]


async def test_locked_out_operator_withdraws_at_a_running_server(tmp_path: Path) -> None:
    async with server_env(tmp_path, vehicles=3) as running:
        ana = await signed_in(running)
        change = await running.node.administer("plan set", {"plan": "location", "commands": ["start"]}, ana)
        wrong = Credentials("ana", "not the password")
        for _ in range(5):
            with pytest.raises(OperationError):
                await running.node.administer("plan list", {}, wrong)
        running.advance(30)
        secret = await held(running)
        again = Credentials("ana", PASSWORD, code_at(secret, step_at(running.clock.now())))
        with pytest.raises(OperationError, match="The sign-in was refused"):
            await running.node.administer("plan list", {}, again)
        withdrawn = await running.node.administer("change withdraw", {"change": change["change"]}, again)
        assert (withdrawn["state"], withdrawn["ended_by"]) == ("withdrawn", f"operator:{change['proposed_by']}")


async def held(running: ServerEnv) -> bytes:
    """What is on ana's telephone."""
    ((operator_id, sealed),) = await running.node.store.read(lambda tx: tx.all("SELECT id, totp FROM operator"))
    return running.node.administration._keyring.unseal(bytes(sealed), operator_id)
