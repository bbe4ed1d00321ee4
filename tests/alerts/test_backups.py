"""A backup that is too old is said once, and again each day."""

from functools import partial
from pathlib import Path

import pytest

from keyturn.alerts import backups
from keyturn.store.port import ReadTx
from tests.support.alert_env import AlertEnv, alert_env, by_webhook
from tests.support.clock import RunningClock
from tests.support.receiver import Receiver

pytestmark = pytest.mark.anyio
HOUR = 3600.0
_OLD = "SELECT count(*) FROM entry WHERE kind = 'backup.old'"
_PLAN = "EXPLAIN QUERY PLAN " + backups._NEWEST


async def reminders(running: AlertEnv) -> int:
    """Look now; how often it was said so far."""
    await running.store.write(partial(backups.report_if_old, max_age=2 * HOUR))
    row = await running.store.read(lambda tx: tx.one(_OLD))
    assert row is not None
    return int(row[0])


async def made(running: AlertEnv) -> None:
    await running.store.write(
        partial(backups.record_made, actor="operator:local", file=Path("a/b.db"), size=7, digest="00")
    )


async def test_an_old_backup_is_reported_once_a_day_until_there_is_a_new_one(tmp_path: Path) -> None:
    async with alert_env(tmp_path, []) as running:
        await made(running)
        assert await reminders(running) == 0
        running.clock.advance(3 * HOUR)
        assert [await reminders(running), await reminders(running)] == [1, 1]
        running.clock.advance(25 * HOUR)
        assert [await reminders(running), await reminders(running)] == [2, 2]
        await made(running)
        assert await reminders(running) == 2
        running.clock.advance(3 * HOUR)
        assert await reminders(running) == 3


async def test_without_any_backup_the_first_entry_counts(tmp_path: Path) -> None:
    async with alert_env(tmp_path, []) as running:
        assert await reminders(running) == 0
        await running.record("company.added")
        assert await reminders(running) == 0
        running.clock.advance(3 * HOUR)
        assert await reminders(running) == 1


async def test_the_newest_backup_is_found_by_an_index(tmp_path: Path) -> None:
    async with alert_env(tmp_path, []) as running:
        plan = await running.store.read(_plan)
    assert "USING COVERING INDEX entry_backup" in plan


def _plan(tx: ReadTx) -> str:
    return " ".join(row[-1] for row in tx.all(_PLAN))


async def test_the_alert_service_reports_an_old_backup(tmp_path: Path, receiver: Receiver) -> None:
    clock = RunningClock()
    async with alert_env(tmp_path, [by_webhook(receiver.url)], clock) as running:
        await made(running)
    clock.advance(3 * HOUR)
    async with alert_env(tmp_path, [by_webhook(receiver.url)], clock, backup_max_age=2 * HOUR) as running:
        await running.until(lambda rows: [row["kind"] for row in rows] == ["backup.old"])
