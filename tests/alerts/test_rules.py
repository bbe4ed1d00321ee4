"""Each event that is a reason leads to one alert on every channel, and nothing else does."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keyturn.alerts.rule import Rule
from keyturn.alerts.rules import RULES
from keyturn.alerts.vehicle_rules import VEHICLE_RULES
from keyturn.audit.kinds import former
from keyturn.store.port import Tx
from tests.support.alert_env import AlertEnv, alert_env, by_mail, by_webhook
from tests.support.receiver import Receiver

from .mail_server import MailServer

pytestmark = pytest.mark.anyio

MARK = "clock.fault"
PLAIN = sorted(rule.kind for rule in RULES if rule.condition is Rule("", "", "", "").condition and not rule.quiet)
CONDITIONAL: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("immobilisation.closed", {"reason": "tidy", "forced": True}, {"closed_by": "report"}),
    ("vehicle.changed", {"external_id": "another"}, {"consent": None}),
    ("vehicle.changed", {"account": "another"}, {"ownership": "third_party"}),
    ("account.changed", {"credentials_replaced": True}, {"credentials_replaced": False, "name": "new"}),
    ("account.changed", {"credentials_replaced": False, "active": False}, {"credentials_replaced": False}),
]
"""By kind: what is received, and what is not."""
OPERATORS = ("command.Cancelled", "keep_enabling.ended")
"""Told where an operator did it, and not where the engine did."""
_COMMAND = """
INSERT INTO command (id, company_id, actor, vehicle_id, account_id, vin, name, state, fence, epoch, status, detail,
  created_at, updated_at, attempts, may_have_executed)
VALUES (:name, 'acme', 'app', 'car', 'account', 'VIN', :name, 'Unknown', 1, 1, 'Pending', '{}', 1, 1, 0, 0)
"""


async def received(running: AlertEnv, mail_server: MailServer, receiver: Receiver) -> list[Counter[str]]:
    """How many alerts of each kind came by mail and by webhook; the test's own mark is left out."""
    await running.settled()
    by_mail = Counter(mail.text.partition("kind: ")[2].splitlines()[0] for mail in mail_server.mails)
    posted = Counter(post.message["kind"] for post in receiver.posts)
    return [kinds - Counter([MARK]) for kinds in (by_mail, posted)]


async def test_every_event_is_sent_once_on_every_channel(
    tmp_path: Path, mail_server: MailServer, receiver: Receiver
) -> None:
    async with alert_env(tmp_path, [by_mail(mail_server.port), by_webhook(receiver.url)]) as running:
        for kind in PLAIN:
            await running.record(kind, company_id=None if kind == "clock.fault" else "acme")
        assert await received(running, mail_server, receiver) == [Counter(PLAIN), Counter(map(former, PLAIN))]


@pytest.mark.parametrize(("kind", "told_of", "not_told_of"), CONDITIONAL)
async def test_acts_of_administrators_that_may_harm_cause_alerts(
    tmp_path: Path, receiver: Receiver, kind: str, told_of: dict[str, Any], not_told_of: dict[str, Any]
) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        for body in (not_told_of, told_of):
            await running.record(kind, company_id="acme", **body)
        await running.settled()
    subject = next(rule.subject for rule in VEHICLE_RULES if rule.kind == kind)
    (message,) = [post.message for post in receiver.posts if post.message["subject"] == subject]
    assert "tidy" not in message["text"], "what somebody wrote stays in the record"
    for name in {"forced", "immobilised"} & told_of.keys():
        assert f"{name}: {told_of[name]}" in message["text"]


@pytest.mark.parametrize("kind", OPERATORS)
async def test_what_an_operator_ended_causes_an_alert_and_what_the_engine_ended_does_not(
    tmp_path: Path, receiver: Receiver, kind: str
) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        for actor in ("engine", "operator:ana"):
            await running.record(kind, company_id="acme", actor=actor)
        await running.settled()
    assert [post.message["kind"] for post in receiver.posts].count(kind) == 1


async def test_a_thousand_consents_cause_one_alert_and_a_digest(tmp_path: Path, receiver: Receiver) -> None:
    """And hold up nothing else of their company."""
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("consent.given", 1000, company_id="acme", reference="form 77")
        await running.record("vehicle.changed", company_id="acme", external_id="another")
        await running.until(lambda rows: "vehicle.changed" in [row["kind"] for row in rows])
        running.clock.advance(601)
        await running.settled()
    kinds = Counter(post.message["kind"] for post in receiver.posts)
    assert (kinds["consent.given"], kinds["vehicle.changed"]) == (2, 1)


@pytest.mark.parametrize("kind", ["command.Unknown", "command.contradicted"])
async def test_alert_is_sent_only_for_an_immobilisation(
    tmp_path: Path, mail_server: MailServer, receiver: Receiver, kind: str
) -> None:
    async with alert_env(tmp_path, [by_mail(mail_server.port), by_webhook(receiver.url)]) as running:
        for name in ("start", "enable_ignition", "disable_ignition"):
            await running.store.write(partial(_add_command, name=name))
            await running.record(kind, command_id=name, vehicle_id="car")
        assert await received(running, mail_server, receiver) == [Counter([kind])] * 2
        (post,) = [post.message for post in receiver.posts if post.message["kind"] == kind]
        assert (post["entry"]["command"], post["entry"]["vehicle"]) == ("disable_ignition", "car")


async def test_repeated_refused_sign_ins_cause_an_alert(
    tmp_path: Path, mail_server: MailServer, receiver: Receiver
) -> None:
    kind = "operator.sign_in_refused"
    async with alert_env(tmp_path, [by_mail(mail_server.port), by_webhook(receiver.url)]) as running:
        await running.record(kind, 4)
        assert await received(running, mail_server, receiver) == [Counter()] * 2
        await running.record(kind)
        assert (await received(running, mail_server, receiver))[0][kind] == 1
        assert [post.message["kind"] for post in receiver.posts].count(kind) == 1


async def test_entry_that_is_no_reason_for_an_alert_sends_none(tmp_path: Path, receiver: Receiver) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        for kind in ("change.approved", "operator.signed_in", "clock.recovered", "backup.made", "command.Executed"):
            await running.record(kind)
        await running.settled()
        assert len(receiver.posts) == 1


async def test_the_first_start_reports_nothing_of_the_past(tmp_path: Path, receiver: Receiver) -> None:
    async with alert_env(tmp_path, []) as running:
        await running.record("switch.thrown")
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.settled()
        assert [post.message["kind"] for post in receiver.posts] == ["clock.fault"]


async def test_alerts_without_a_channel_do_nothing(tmp_path: Path) -> None:
    async with alert_env(tmp_path, [], backup_max_age=0.001) as running:
        await running.record("switch.thrown")
        counts = await running.store.read(
            lambda tx: tx.all("SELECT (SELECT count(*) FROM alert_cursor), (SELECT count(*) FROM alert)")
        )
    assert counts == [(0, 0)]


def _add_command(tx: Tx, name: str) -> None:
    tx.run(_COMMAND, name=name)
