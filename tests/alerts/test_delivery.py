"""Whatever becomes of channels and processes, every alert arrives, or is given up after a day."""

from pathlib import Path

import pytest
import structlog

from keyturn.alerts.delivery import pause
from tests.support.alert_env import ADMIN, alert_env, by_mail, by_webhook
from tests.support.clock import RunningClock, eventually
from tests.support.receiver import Receiver

from .mail_server import MailServer

pytestmark = pytest.mark.anyio
HOUR = 3600.0


async def test_a_mail_server_that_is_down_for_a_while_loses_nothing(tmp_path: Path, mail_server: MailServer) -> None:
    await mail_server.stop()
    async with alert_env(tmp_path, [by_mail(mail_server.port)]) as running:
        await running.record("switch.thrown", 3)
        await running.until(lambda rows: [row["failed_attempts"] for row in rows] == [1, 1, 1])
        await mail_server.start()
        running.clock.advance(pause(1))
        await running.until(lambda rows: [row["state"] for row in rows] == ["sent"] * 3)
    assert len(mail_server.mails) == 3


async def test_a_restart_in_between_loses_and_repeats_nothing(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses.extend([503, 503])
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("switch.thrown", 2)
        await running.until(lambda rows: [row["failed_attempts"] for row in rows] == [1, 1])
    refused = len(receiver.posts)
    async with alert_env(tmp_path, []) as running:
        await running.record("policy.loosened")
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.settled()
    kinds = [post.message["kind"] for post in receiver.posts[refused:]]
    assert sorted(kinds) == ["clock.fault", "policy.loosened", "switch.thrown", "switch.thrown"]


async def test_a_repeated_alert_keeps_its_id(tmp_path: Path, receiver: Receiver, mail_server: MailServer) -> None:
    receiver.statuses.append(500)
    mail_server.scripted["."].append("451 later")
    async with alert_env(tmp_path, [by_webhook(receiver.url), by_mail(mail_server.port)]) as running:
        await running.record("switch.thrown")
        await running.until(lambda rows: [row["failed_attempts"] for row in rows] == [1, 1])
        running.clock.advance(pause(1))
        await running.until(lambda rows: all(row["state"] == "sent" for row in rows))
    first, second = receiver.posts
    assert first.message == second.message
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == first.message["id"]


async def test_a_restored_store_gives_no_id_that_was_given_before(tmp_path: Path, receiver: Receiver) -> None:
    for store in ("before", "restored"):
        async with alert_env(tmp_path / store, [by_webhook(receiver.url)]) as running:
            await running.record("switch.thrown")
            await running.until(lambda rows: bool(rows) and rows[0]["state"] == "sent")
    first, second = receiver.posts
    assert first.message["entry"] == second.message["entry"]
    assert first.headers["webhook-id"] != second.headers["webhook-id"]


async def test_delivery_pauses_grow() -> None:
    assert [pause(failures) for failures in (1, 2, 3, 8, 9, 10_000)] == [5.0, 10.0, 20.0, 640.0, 900.0, 900.0]


async def test_a_failed_attempt_is_not_repeated_before_its_pause(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses.append(500)
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("switch.thrown")
        await running.until(lambda rows: bool(rows) and rows[0]["failed_attempts"] == 1)
        await running.record("policy.loosened")
        await running.until(lambda rows: rows[0]["state"] == "sent")
        assert [post.message["kind"] for post in receiver.posts] == ["switch.thrown", "policy.loosened"]


async def test_an_alert_is_given_up_after_a_day_with_a_log_line(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses.extend([500] * 3)
    with structlog.testing.capture_logs() as logs:
        async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
            await running.record("switch.thrown")
            await running.until(lambda rows: bool(rows) and rows[0]["failed_attempts"] == 1)
            running.clock.advance(23 * HOUR)
            await running.until(lambda rows: bool(rows[0]["failed_attempts"] == 2))
            running.clock.advance(2 * HOUR)
            await running.until(lambda rows: rows[0]["state"] == "given_up")
            running.clock.advance(HOUR)
            await running.settled()
    assert [post.message["kind"] for post in receiver.posts] == ["switch.thrown"] * 3 + ["clock.fault"]
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert (line["event"], line["kind"]) == ("an alert was given up", "switch.thrown")


async def test_what_waited_for_days_with_the_server_is_still_tried(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses.append(500)
    clock = RunningClock()
    async with alert_env(tmp_path, [by_webhook(receiver.url)], clock) as running:
        await running.record("switch.thrown")
        await running.until(lambda rows: bool(rows) and rows[0]["failed_attempts"] == 1)
    clock.advance(72 * HOUR)
    async with alert_env(tmp_path, [by_webhook(receiver.url)], clock) as running:
        await running.until(lambda rows: rows[0]["state"] == "sent")


async def test_one_channel_does_not_wait_for_the_other(
    tmp_path: Path, mail_server: MailServer, receiver: Receiver
) -> None:
    mail_server.silent = True
    async with alert_env(tmp_path, [by_mail(mail_server.port, timeout=20.0), by_webhook(receiver.url)]) as running:
        await running.record("switch.thrown")
        await running.until(lambda rows: {row["channel"]: row["state"] for row in rows}.get("webhook") == "sent")
        assert {row["channel"] for row in await running.listed(unsent=True)} == {"smtp"}
        counted = 'keyturn_alerts_total{channel="webhook",result="sent"} 1.0'
        await eventually(lambda: counted in running.metrics.render().decode())  # it is counted after the commit


async def test_what_waits_and_what_failed_is_counted(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses.append(500)
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("switch.thrown")
        await running.until(
            lambda _rows: (
                'keyturn_alerts_unsent{channel="webhook"} 1.0' in running.metrics.render().decode()
                and 'keyturn_alerts_total{channel="webhook",result="failed"} 1.0' in running.metrics.render().decode()
            )
        )
        running.clock.advance(pause(1))
        await running.until(
            lambda _rows: 'keyturn_alerts_unsent{channel="webhook"} 0.0' in running.metrics.render().decode()
        )


async def test_recipient_of_an_alert_does_not_get_it_again_when_another_is_refused(
    tmp_path: Path, mail_server: MailServer
) -> None:
    mail_server.refused.add("gone@fleet.example")
    async with alert_env(tmp_path, [by_mail(mail_server.port, to=(ADMIN, "gone@fleet.example"))]) as running:
        await running.record("switch.thrown")
        await running.until(lambda rows: bool(rows) and rows[0]["failed_attempts"] == 1)
        (row,) = await running.listed()
        assert row["fault"] == "1 of the recipients were refused (550)"
        mail_server.refused.clear()
        running.clock.advance(pause(1))
        await running.until(lambda rows: rows[0]["state"] == "sent")
    assert [mail.to for mail in mail_server.mails] == [[ADMIN], ["gone@fleet.example"]]
