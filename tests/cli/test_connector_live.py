"""``keyturn connector check --live``: a token, one state read, and nothing that a vehicle could feel."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from keyturn.cli.root import run
from keyturn.clock import SECOND, SystemClock
from keyturn.connectors.oem_http.connector import HttpConnector
from keyturn.connectors.oem_http.definition.auth import Auth
from keyturn.connectors.oem_http.definition.definition import parse_definition
from keyturn.connectors.oem_http.definition_check import ReadOnlyClient
from keyturn.connectors.port import Account, OutboundCommand, Target
from tests.support.oem import Oem, ReceivedRequest, answer

from .test_connector import DEFINITION, OAUTH, Check, check, state

__all__ = ["check"]


@pytest.mark.skipif("grant" not in Auth.__struct_fields__, reason="definitions know one grant")
def test_a_refresh_token_that_a_server_needs_is_not_used_up_by_the_way(check: Check, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text('{"refresh_token": "r", "pin": "1"}')
    live = ("--live", "--account", str(credentials), "--vehicle", "car-1")
    definition = f'{DEFINITION}{OAUTH}grant = "refresh_token"\n'.replace(
        "https://api.oem.example", "http://127.0.0.1:9"
    )
    assert "may use up the account's refresh token" in check(None, *live, definition=definition, code=2)["detail"]
    assert check(None, *live, "--spend-refresh-token", definition=definition, code=1)["signals"] == {}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def oem() -> AsyncIterator[Oem]:
    async with Oem() as running:
        yield running


@pytest.mark.anyio
async def test_live_fetches_a_token_and_reads_and_commands_nothing(
    oem: Oem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(seen: ReceivedRequest) -> Any:
        if seen.target.endswith("/token"):
            return answer(200, {"access_token": "the-token", "expires_in": 60})
        return answer(200, state("2026-11-30T21:06:29Z"))

    oem.script = script
    file, credentials = tmp_path / "acme.toml", tmp_path / "credentials.json"
    file.write_text(DEFINITION + OAUTH)
    credentials.write_text('{"client_id": "me", "client_secret": "very-secret", "pin": "1234"}')
    words = ["connector", "check", str(file), "--live", "--account", str(credentials), "--vehicle", "car-1"]

    async def live(*more: str) -> tuple[int, str]:
        code = await asyncio.to_thread(run, [*words, "--base-url", oem.url, *more])
        out, err = capsys.readouterr()
        assert "very-secret" not in out + err
        assert "the-token" not in out + err
        return code, out or err

    code, out = await live("--json")
    told = json.loads(out)
    assert code == 0
    assert [each["request"] for each in told["exchanges"]] == ["POST /token", "GET /cars/car-1"]
    assert told["signals"]["speed"]["value"] == 0
    assert {(seen.method, seen.target) for seen in oem.seen} == {("POST", "/token"), ("GET", "/cars/car-1")}

    oem.script = lambda seen: answer(403, '{"error": "no such fleet\x1b[2J"}')
    code, out = await live()
    assert code == 1
    assert "POST /token  403, " in out
    assert "no such fleet" in out
    assert "\x1b" not in out
    assert out.splitlines()[-1] == "Nothing was read: POST /token brought 403."

    credentials.write_text('{"client_id": "me"}')
    code, out = await live()
    assert code == 2
    assert "The credential 'client_secret' is missing or empty." in out


@pytest.mark.anyio
async def test_a_trial_cannot_write_a_command(oem: Oem) -> None:
    """Whatever a later version of the connector might do with it."""
    document = tomllib.loads(DEFINITION) | {"base_url": oem.url}
    definition, clock = parse_definition(document), SystemClock()
    connector = HttpConnector(definition, clock, client=ReadOnlyClient(definition, clock))
    until = clock.now() + 10 * SECOND
    target = Target(Account("a", {"token": "t", "pin": "1"}), "V", "V")
    try:
        with pytest.raises(RuntimeError, match="sends no command"):
            await connector.send(OutboundCommand("id", "lock_door", target, until, clock.boottime() + 10, until))
    finally:
        await connector.close()
    assert oem.seen == []
