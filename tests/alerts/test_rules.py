"""Each event that is a reason leads to one alert on every channel, and nothing else does."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from keyturn.alerts.rules import KINDS
from keyturn.store.port import Tx

from .mail_server import MailServer
from .office import Office, by_mail, by_webhook, office
from .receiver import Receiver

pytestmark = pytest.mark.anyio

MARK = "clock.fault"
PLAIN = sorted(KINDS - {"command.Unknown", "command.contradicted", "operator.sign_in_refused", "command.Cancelled"})
_COMMAND = """
INSERT INTO command (id, company_id, actor, vehicle_id, account_id, vin, name, state, fence, epoch, status, detail,
  created_at, updated_at, attempts, may_have_executed)
VALUES (:name, 'acme', 'app', 'car', 'account', 'VIN', :name, 'Unknown', 1, 1, 'Pending', '{}', 1, 1, 0, 0)
"""


async def told(running: Office, mail_server: MailServer, receiver: Receiver) -> list[Counter[str]]:
    """How many alerts of each kind came by mail and by webhook; the test's own mark is left out."""
    await running.settled()
    by_mail = Counter(mail.text.partition("kind: ")[2].splitlines()[0] for mail in mail_server.mails)
    posted = Counter(post.message["kind"] for post in receiver.posts)
    return [kinds - Counter([MARK]) for kinds in (by_mail, posted)]


async def test_every_event_is_told_once_on_every_channel(
    tmp_path: Path, mail_server: MailServer, receiver: Receiver
) -> None:
    async with office(tmp_path, [by_mail(mail_server.port), by_webhook(receiver.url)]) as running:
        for kind in PLAIN:
            await running.record(kind, company_id=None if kind == "clock.fault" else "acme")
        assert await told(running, mail_server, receiver) == [Counter(PLAIN)] * 2


@pytest.mark.parametrize("kind", ["command.Unknown", "command.contradicted"])
async def test_only_an_immobilisation_is_told_of(
    tmp_path: Path, mail_server: MailServer, receiver: Receiver, kind: str
) -> None:
    async with office(tmp_path, [by_mail(mail_server.port), by_webhook(receiver.url)]) as running:
        for name in ("start", "enable_ignition", "disable_ignition"):
            await running.store.write(partial(_add_command, name=name))
            await running.record(kind, command_id=name, vehicle_id="car")
        assert await told(running, mail_server, receiver) == [Counter([kind])] * 2
        (post,) = [post.message for post in receiver.posts if post.message["kind"] == kind]
        assert (post["entry"]["command"], post["entry"]["vehicle"]) == ("disable_ignition", "car")


async def test_refused_sign_ins_are_told_of_when_they_repeat(
    tmp_path: Path, mail_server: MailServer, receiver: Receiver
) -> None:
    kind = "operator.sign_in_refused"
    async with office(tmp_path, [by_mail(mail_server.port), by_webhook(receiver.url)]) as running:
        await running.record(kind, 4)
        assert await told(running, mail_server, receiver) == [Counter()] * 2
        await running.record(kind)
        assert (await told(running, mail_server, receiver))[0][kind] == 1
        assert [post.message["kind"] for post in receiver.posts].count(kind) == 1


async def test_what_is_no_reason_is_not_told(tmp_path: Path, receiver: Receiver) -> None:
    async with office(tmp_path, [by_webhook(receiver.url)]) as running:
        for kind in ("change.approved", "operator.signed_in", "clock.right", "backup.made", "command.Executed"):
            await running.record(kind)
        await running.settled()
        assert len(receiver.posts) == 1


async def test_the_first_start_tells_nothing_of_the_past(tmp_path: Path, receiver: Receiver) -> None:
    async with office(tmp_path, []) as running:
        await running.record("switch.thrown")
    async with office(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.settled()
        assert [post.message["kind"] for post in receiver.posts] == ["clock.fault"]


async def test_without_a_channel_nothing_is_done(tmp_path: Path) -> None:
    async with office(tmp_path, [], backup_max_age=0.001) as running:
        await running.record("switch.thrown")
        counts = await running.store.read(
            lambda tx: tx.all("SELECT (SELECT count(*) FROM alert_cursor), (SELECT count(*) FROM alert)")
        )
    assert counts == [(0, 0)]


def _add_command(tx: Tx, name: str) -> None:
    tx.run(_COMMAND, name=name)
