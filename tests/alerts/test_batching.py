"""A flood of one kind becomes one alert that counts it."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keyturn.alerts.batching import WINDOW
from tests.support.alert_env import alert_env, by_webhook
from tests.support.clock import RunningClock
from tests.support.receiver import Receiver

pytestmark = pytest.mark.anyio


async def test_a_burst_causes_single_alerts_and_then_a_digest(tmp_path: Path, receiver: Receiver) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("limit.tripped", 1500)
        await running.until(lambda rows: sum(row["count"] for row in rows) == 1500)
        await running.until(lambda rows: [row["state"] for row in rows] == ["unsent"] + ["sent"] * 20)
        running.clock.advance(WINDOW)
        await running.settled()
    sent = [post.message for post in receiver.posts if post.message["kind"] == "limit.tripped"]
    assert [message["count"] for message in sent] == [1] * 20 + [1480]
    assert sent[-1]["subject"] == "A safety limit has tripped (1480 times)"
    assert "1480 times, entries 21 to 1500." in sent[-1]["text"]


async def test_a_restart_keeps_the_count(tmp_path: Path, receiver: Receiver) -> None:
    clock = RunningClock()
    for so_far in (15, 30, 45):
        async with alert_env(tmp_path, [by_webhook(receiver.url)], clock) as running:
            await running.record("limit.tripped", 15)
            await running.until(partial(_counted_and_sent, so_far=so_far))
    clock.advance(WINDOW)
    async with alert_env(tmp_path, [by_webhook(receiver.url)], clock) as running:
        await running.settled()
    sent = [post.message["count"] for post in receiver.posts if post.message["kind"] == "limit.tripped"]
    assert sorted(sent) == [1] * 20 + [25]


async def test_alert_counting_begins_again_after_the_window(tmp_path: Path, receiver: Receiver) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        for so_far in (25, 50):
            await running.record("limit.tripped", 25)
            await running.until(partial(_counted, so_far=so_far))
            running.clock.advance(WINDOW)
        await running.settled()
    sent = [post.message["count"] for post in receiver.posts if post.message["kind"] == "limit.tripped"]
    assert sorted(sent) == [1] * 40 + [5, 5]


async def test_one_company_cannot_drown_the_alerts_of_another(tmp_path: Path, receiver: Receiver) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("limit.tripped", 100, company_id="loud")
        await running.record("limit.tripped", company_id="quiet")
        await running.until(lambda rows: any(row["company"] == "quiet" and row["state"] == "sent" for row in rows))


async def test_one_kind_cannot_drown_another(tmp_path: Path, receiver: Receiver) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("limit.tripped", 100)
        await running.record("policy.loosened")
        await running.until(
            lambda rows: any(row["kind"] == "policy.loosened" and row["state"] == "sent" for row in rows)
        )


def _counted(rows: list[dict[str, Any]], so_far: int) -> bool:
    return sum(int(row["count"]) for row in rows) == so_far


def _counted_and_sent(rows: list[dict[str, Any]], so_far: int) -> bool:
    """All are counted, and those that are sent one by one have left: a message on its way at the end goes twice."""
    sent = [row for row in rows if row["state"] == "sent"]
    return _counted(rows, so_far) and len(sent) == min(so_far, 20)
