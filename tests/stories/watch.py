"""What the administrators of a server are told: alerts by webhook, to a receiver of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from keyturn.config.settings import AlertSettings, WebhookSettings
from tests.support.alert_env import SECRET
from tests.support.receiver import Receiver
from tests.support.server_env import ServerEnv, server_env


@asynccontextmanager
async def watched(folder: Path, **sections: Any) -> AsyncIterator[tuple[ServerEnv, Receiver]]:
    secret = folder / "webhook-secret"
    secret.write_text(SECRET)
    async with Receiver() as receiver:
        webhook = WebhookSettings(url=receiver.url, secret_file=str(secret), allow_private=True)
        async with server_env(folder, alerts=AlertSettings(webhook=webhook), **sections) as running:
            yield running, receiver


def told(receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    """The alerts of a kind that came, once each."""
    messages = {post.message["id"]: post.message for post in receiver.posts}
    return [message for message in messages.values() if message["kind"] == kind]
