"""The alerts of a node on a store of their own, without the rest of it."""

import base64
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from keyturn.alerts import outbox
from keyturn.alerts.message import Channel
from keyturn.alerts.service import Alerts
from keyturn.alerts.smtp import SmtpChannel
from keyturn.alerts.webhook import WebhookChannel
from keyturn.audit import journal
from keyturn.clock import SystemClock
from keyturn.config.settings import SmtpSettings, WebhookSettings
from keyturn.store.port import Store, Tx
from keyturn.telemetry.metrics import Metrics
from tests.support.clock import RunningClock, eventually

from ..store.adapters import open_store

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
SENDER, ADMIN = "keyturn@fleet.example", "admin@fleet.example"
_EVERY = 0.02


class AlertEnv:
    """Records entries, moves the clock and waits until the alerts are sent."""

    def __init__(self, store: Store, clock: RunningClock, metrics: Metrics) -> None:
        self.store = store
        self.clock = clock
        self.metrics = metrics
        self._marks = itertools.count()

    async def record(self, kind: str, count: int = 1, **entry: Any) -> None:
        """Write `count` entries, in one transaction."""
        await self.store.write(partial(_record, kind=kind, count=count, entry=entry))

    async def listed(self, *, unsent: bool = False) -> list[dict[str, Any]]:
        return await self.store.read(partial(outbox.list_alerts, unsent=unsent, limit=1000))

    async def settled(self) -> None:
        """Returns once everything recorded so far was looked at, and nothing is left to send."""
        mark = f"mark {next(self._marks)}"
        await self.record("clock.fault", company_id=mark)
        await self.until(lambda rows: bool(rows) and rows[0]["company"] == mark)
        await self.until(lambda rows: all(row["state"] != "unsent" for row in rows))

    async def until(self, check: Callable[[list[dict[str, Any]]], bool], within: float = 10.0) -> None:
        """Returns once `check` holds of the list of alerts."""

        async def holds() -> bool:
            return check(await self.listed())

        await eventually(holds, within, pause=_EVERY)


@asynccontextmanager
async def alert_env(
    folder: Path, channels: Sequence[Channel], clock: RunningClock | None = None, **options: Any
) -> AsyncIterator[AlertEnv]:
    """Alerts that look every few milliseconds."""
    clock, metrics = clock or RunningClock(), Metrics()
    store = open_store(folder / "data", clock)
    alerts = Alerts(store, clock, channels, metrics, every=_EVERY, **options)
    try:
        await alerts.start()
        yield AlertEnv(store, clock, metrics)
    finally:
        await alerts.stop()
        await store.close()


def by_mail(port: int, password: str | None = None, others: Sequence[str] = (), **settings: Any) -> SmtpChannel:
    """A channel to a mail server on this machine."""
    usual: dict[str, Any] = {"host": "localhost", "security": "none", "sender": SENDER, "to": (ADMIN,), "timeout": 5.0}

    async def recipients(_company: str | None) -> list[str]:
        return list(others)

    return SmtpChannel(SmtpSettings(port=port, **{**usual, **settings}), password, recipients)


def by_webhook(url: str, **settings: Any) -> WebhookChannel:
    """A channel to a receiver on this machine."""
    usual: dict[str, Any] = {"allow_private": True, "timeout": 5.0}
    return WebhookChannel(WebhookSettings(url=url, **{**usual, **settings}), KEY, SystemClock())


def _record(tx: Tx, kind: str, count: int, entry: dict[str, Any]) -> None:
    for _ in range(count):
        journal.record(tx, kind, **{"company_id": "acme", "actor": "operator:ana", **entry})
