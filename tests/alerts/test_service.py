"""Alerts of a whole node, as an administrator configures and tries them."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest

from keyturn.app import Node
from keyturn.cli.root import run
from keyturn.config.settings import AlertSettings, ServerSettings, Settings, WebhookSettings
from tests.support.alert_env import SECRET
from tests.support.receiver import Receiver
from tests.support.store_reader import StoreReader

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    webhook = WebhookSettings(url=receiver.url, secret_file=str(secret), allow_private=True)
    server = ServerSettings(port=0, data=str(tmp_path / "data"), drain_timeout=1.0)
    return Settings(server=server, alerts=AlertSettings(backup_max_age=3600.0, webhook=webhook))


async def test_a_channel_is_tried(settings: Settings, receiver: Receiver) -> None:
    node = Node(settings)
    await node.start()
    try:
        receiver.statuses.append(502)
        refused = await node.administer("alerts test", {})
        assert refused == {
            "channels": [{"channel": "webhook", "delivered": False, "fault": "the receiver answered 502"}]
        }
        assert (await node.administer("alerts test", {}))["channels"][0]["delivered"] is True
        assert (await node.administer("alerts list", {"unsent": True})) == {"alerts": []}
    finally:
        await node.stop()
    assert [post.message["kind"] for post in receiver.posts] == ["alert.test"] * 2


async def test_the_acts_of_an_administrator_are_reported_to_the_others(settings: Settings, receiver: Receiver) -> None:
    node = Node(settings)
    await node.start()
    try:
        await node.administer("switch throw", {"reach": "actuating", "reason": "drill"})
        async with asyncio.timeout(20):
            await receiver.came.wait()
    finally:
        await node.stop()
    assert receiver.posts[0].message["kind"] == "switch.thrown"
    assert "reach: actuating" in receiver.posts[0].message["text"]


async def test_a_backup_is_recorded(settings: Settings, tmp_path: Path) -> None:
    node = Node(settings)
    await node.start()
    try:
        answer = await node.administer("backup", {"file": str(tmp_path / "backup.db")})
    finally:
        await node.stop()
    (row,) = StoreReader(tmp_path / "data").rows("SELECT body FROM entry WHERE kind = 'backup.made'")
    assert json.loads(row["body"]) == {
        "file": "backup.db",
        "bytes": answer["bytes"],
        "digest": sha256((tmp_path / "backup.db").read_bytes()).hexdigest(),
    }


def test_the_command_line_lists_and_tries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keyturn.toml"
    file.write_text('[alerts.webhook]\nurl = "https://127.0.0.1:9/"\nsecret_file = "none"\n')
    place = ["--config", str(file), "--data", str(tmp_path / "data"), "--json"]
    assert run(["alerts", "list", "--unsent", *place]) == 0
    assert json.loads(capsys.readouterr().out) == {"alerts": []}
    assert run(["alerts", "test", *place]) == 2
    assert "alerts.webhook.secret_file" in capsys.readouterr().err
    (tmp_path / "none").write_text(SECRET)
    file.write_text(file.read_text().replace('"none"', f'"{tmp_path / "none"}"'))
    assert run(["alerts", "test", *place]) == 1
    (tried,) = json.loads(capsys.readouterr().out)["channels"]
    assert (tried["channel"], tried["delivered"]) == ("webhook", False)
