"""Checkpoints leave the machine by every configured way, in order, until they have arrived."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from keyturn.audit.checkpoints import SignedStatement, make_checkpoints_now
from keyturn.audit.export import read_checkpoint_file
from keyturn.audit.runtime import AuditService
from keyturn.audit.sinks import CommandSink, DeliveryFailed, FileSink, WebhookSink
from keyturn.bus.memory import MemoryBus
from keyturn.config.loading import load_settings
from keyturn.config.settings import AuditSettings
from keyturn.config.validation import ConfigError
from keyturn.store.port import Store
from tests.store.adapters import open_store
from tests.support.audit_env import KEYRING, AuditEnv
from tests.support.clock import eventually

KEEP = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"


def signed_in(env: AuditEnv) -> list[SignedStatement]:
    return [
        SignedStatement(*row) for row in env.rows("SELECT statement, signature, key FROM chain_checkpoint ORDER BY id")
    ]


def with_audit(env: AuditEnv, settings: AuditSettings, then: Callable[[Store], Any]) -> None:
    """Run an audit service on the environment's store until `then` is done."""

    async def work() -> None:
        bus = MemoryBus()
        store = open_store(env.data, env.clock, bus.publish)
        audit = AuditService(store, bus, KEYRING, settings)
        audit.start()
        try:
            await then(store)
        finally:
            await audit.stop()
            await store.close()

    asyncio.run(work())


def lines_of(file: Path) -> list[SignedStatement]:
    return read_checkpoint_file(file) if file.exists() else []


def test_every_checkpoint_is_shipped_to_file_and_command_once_and_in_order(env: AuditEnv, tmp_path: Path) -> None:
    filed, piped = tmp_path / "filed", tmp_path / "piped"
    command = (sys.executable, "-c", KEEP, str(piped))
    settings = AuditSettings(checkpoint_file=str(filed), checkpoint_command=command)

    async def then(store: Store) -> None:
        await eventually(lambda: len(lines_of(filed)) == len(lines_of(piped)) == 3)
        await store.write(lambda tx: make_checkpoints_now(tx, KEYRING))
        await eventually(lambda: len(lines_of(filed)) == len(lines_of(piped)) == 6)

    with_audit(env, settings, then)

    assert lines_of(filed) == lines_of(piped) == signed_in(env)
    assert filed.stat().st_mode & 0o777 == 0o600
    with_audit(env, settings, lambda _store: asyncio.sleep(0.2))
    assert len(lines_of(filed)) == 6


def test_a_failing_webhook_is_retried_and_reported_once(env: AuditEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyturn.audit.shipper._PAUSES", (0.01,))
    answers = [500, 302, 503, 200, 204, 200]
    taken: list[SignedStatement] = []

    async def take(request: web.Request) -> web.Response:
        status = answers.pop(0)
        if status < 300:
            taken.append(msgspec.json.decode(await request.read(), type=SignedStatement))
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def work() -> None:
        app = web.Application()
        app.router.add_post("/witness", take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        bus = MemoryBus()
        store = open_store(env.data, env.clock, bus.publish)
        url = f"http://127.0.0.1:{port}/witness?key=secret-word"
        audit = AuditService(store, bus, KEYRING, AuditSettings(checkpoint_url=url))
        audit.start()
        try:
            await eventually(lambda: len(taken) == 3)
        finally:
            await audit.stop()
            await store.close()
            await runner.cleanup()

    asyncio.run(work())

    assert taken == signed_in(env)
    (fault,) = env.rows("SELECT company_id, actor, body FROM entry WHERE kind = 'chain.fault'")
    assert fault[:2] == (None, "audit")
    assert json.loads(fault[2])["detail"] == "The webhook answered 500."
    assert not any(b"secret-word" in path.read_bytes() for path in env.data.iterdir())


def reported(env: AuditEnv) -> list[str]:
    return [json.loads(body)["about"] for (body,) in env.rows("SELECT body FROM entry WHERE kind = 'chain.fault'")]


@pytest.mark.parametrize("delivered", [4, 1_000, 2**62])
def test_a_sink_ahead_of_every_checkpoint_is_reported_and_begins_again(
    env: AuditEnv, tmp_path: Path, delivered: int
) -> None:
    """Rows were deleted, or the number was written there by hand: else no checkpoint would ever leave again."""
    env.tamper("INSERT INTO checkpoint_outlet VALUES ('checkpoint_file', :delivered)", delivered=delivered)
    filed = tmp_path / "filed"

    async def then(store: Store) -> None:
        await eventually(lambda: len(lines_of(filed)) == 3)
        await store.write(lambda tx: make_checkpoints_now(tx, KEYRING))
        await eventually(lambda: len(lines_of(filed)) == 6)

    with_audit(env, AuditSettings(checkpoint_file=str(filed)), then)

    assert lines_of(filed) == signed_in(env)
    assert reported(env) == ["checkpoint_file"]


def test_checkpoints_are_shipped_also_after_all_their_rows_were_deleted(env: AuditEnv, tmp_path: Path) -> None:
    filed = tmp_path / "filed"
    settings = AuditSettings(checkpoint_file=str(filed))

    async def leave(count: int) -> None:
        await eventually(lambda: len(lines_of(filed)) == count)

    with_audit(env, settings, lambda _store: leave(3))
    env.tamper("DELETE FROM chain_checkpoint", "DELETE FROM store_fact WHERE name = 'checkpoint'")
    env.checkpoint()
    with_audit(env, settings, lambda _store: leave(6))

    assert reported(env) == []


def test_a_delayed_sink_is_reported_once_and_shown_until_it_has_caught_up(
    env: AuditEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyturn.audit.shipper._PAUSES", (0.01,))
    monkeypatch.setattr("keyturn.audit.shipper.DELAY_CHECK_INTERVAL", 0.01)
    filed, switch = tmp_path / "filed", tmp_path / "works"
    command = (sys.executable, "-c", f"import os; os.path.exists({str(switch)!r}) or os._exit(7); {KEEP}", str(filed))
    settings = AuditSettings(checkpoint_command=command, checkpoint_grace=60.0)

    async def work() -> None:
        bus = MemoryBus()
        store = open_store(env.data, env.clock, bus.publish)
        audit = AuditService(store, bus, KEYRING, settings)
        audit.start()
        try:
            await eventually(lambda: "checkpoint_command" in reported(env))
            assert audit.delayed_sinks == ()
            env.clock.advance(120)
            await eventually(lambda: audit.delayed_sinks == ("checkpoint_command",))
            await eventually(lambda: "checkpoint_command behind" in reported(env))
            switch.touch()
            await eventually(lambda: audit.delayed_sinks == ())
        finally:
            await audit.stop()
            await store.close()

    asyncio.run(work())

    assert reported(env) == ["checkpoint_command", "checkpoint_command behind"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((sys.executable, "-c", "raise SystemExit(7)"), "The command ended with status 7."),
        (("/nowhere/keep",), "The command cannot be run (No such file or directory)."),
    ],
)
def test_a_failing_command_is_no_delivery(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(DeliveryFailed) as failure:
        asyncio.run(CommandSink(argv).deliver(b"{}\n"))

    assert str(failure.value) == message


def test_a_file_that_cannot_be_written_is_no_delivery(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match=r"^The file cannot be written \(Is a directory\)\.$"):
        asyncio.run(FileSink(tmp_path).deliver(b"{}\n"))


def test_a_missing_webhook_does_not_reveal_its_address(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed) as failure:
        asyncio.run(WebhookSink("http://127.0.0.1:1/secret-word").deliver(b"{}\n"))

    assert "secret-word" not in str(failure.value)


def test_an_address_that_is_not_safe_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match=r"^audit\.checkpoint_url: expected an https URL") as refused:
        load_settings(None, {"KEYTURN_AUDIT_CHECKPOINT_URL": "http://example.com/secret-word"})

    assert "secret-word" not in str(refused.value)
