"""E-mail over a real socket: encryption that is not given up, words that are ours, secrets that stay inside."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from keyturn.alerts.message import Message, NotDelivered, Origin, QueuedMessage
from tests.support.alert_env import ADMIN, SENDER, alert_env, by_mail
from tests.support.certificates import Authority

from .mail_server import MailServer

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
LETTER = QueuedMessage(
    7,
    Message(
        id="7",
        kind="switch.thrown",
        severity="critical",
        at="2026-01-14T12:52:48.000000+00:00",
        company="acme",
        subject="An emergency switch was thrown",
        text="Somebody threw it.",
        entry=Origin(7, "operator:ana"),
    ),
)


async def fault_of(server: MailServer, password: str | None = None, **settings: Any) -> str:
    with pytest.raises(NotDelivered) as caught:
        await by_mail(server.port, password, **settings).send(LETTER)
    return str(caught.value)


async def test_an_alert_is_plain_text_to_every_administrator(mail_server: MailServer) -> None:
    await by_mail(mail_server.port, others=["ben@fleet.example", ADMIN]).send(LETTER)
    (mail,) = mail_server.mails
    assert (mail.sender, mail.to) == (SENDER, [ADMIN, "ben@fleet.example"])
    assert mail.message["Subject"] == "[Keyturn] critical: An emergency switch was thrown"
    assert mail.message["Message-ID"] == "<keyturn-alert-7@fleet.example>"
    assert mail.message.get_content_type() == "text/plain"
    assert mail.text == "Somebody threw it.\n"


async def test_a_password_goes_over_an_encrypted_connection(authority: Authority) -> None:
    async with MailServer(starttls=authority.server_context()) as server:
        await by_mail(server.port, PASSWORD, security="starttls", user="keyturn").send(LETTER)
    assert server.signed_in == [f"\0keyturn\0{PASSWORD}"]
    assert server.received.index("STARTTLS") < next(
        n for n, line in enumerate(server.received) if line.startswith("AUTH")
    )
    assert len(server.mails) == 1


async def test_mail_is_sent_over_tls_from_the_first_byte(authority: Authority) -> None:
    async with MailServer(tls=authority.server_context()) as server:
        await by_mail(server.port, PASSWORD, security="tls", user="keyturn").send(LETTER)
    assert len(server.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, security: str) -> None:
    context = Authority(tmp_path).server_context()
    async with MailServer(tls=context) if security == "tls" else MailServer(starttls=context) as server:
        fault = await fault_of(server, PASSWORD, security=security, user="keyturn")
    assert fault == "the mail server's certificate is not trusted"
    assert (server.mails, server.signed_in) == ([], [])


async def test_a_certificate_for_another_name(authority: Authority) -> None:
    async with MailServer(starttls=authority.server_context()) as server:
        fault = await fault_of(server, PASSWORD, security="starttls", user="keyturn", host="127.0.0.1")
    assert fault == "the mail server's certificate is not trusted"


@pytest.mark.parametrize("answer", ["454 not now", None])
async def test_mail_is_not_sent_without_starttls(authority: Authority, answer: str | None) -> None:
    async with MailServer(starttls=authority.server_context() if answer else None) as server:
        server.scripted["STARTTLS"].extend([answer] if answer else [])
        fault = await fault_of(server, PASSWORD, security="starttls", user="keyturn")
    assert fault.startswith("the mail server refused (454)" if answer else "the mail server does not offer")
    assert not [line for line in server.received if line.startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize(
    ("verb", "answer", "fault"),
    [
        ("MAIL", "550 not you", "the mail server refused (550)"),
        ("RCPT", "450 greylisted", "1 of the recipients were refused (450)"),
        ("DATA", "451 later", "the mail server refused (451)"),
        (".", "554 spam", "the mail server refused (554)"),
    ],
)
async def test_a_refusal_is_reported_by_its_code(mail_server: MailServer, verb: str, answer: str, fault: str) -> None:
    mail_server.scripted[verb].append(answer)
    assert await fault_of(mail_server) == fault
    await by_mail(mail_server.port).send(LETTER)
    assert len(mail_server.mails) == 1


async def test_a_password_is_in_no_error(authority: Authority) -> None:
    async with MailServer(starttls=authority.server_context()) as server:
        server.scripted["AUTH"].extend([f"535 {PASSWORD} is wrong"] * 3)
        fault = await fault_of(server, PASSWORD, security="starttls", user="keyturn")
    assert fault == "the mail server refused user or password (535)"


async def test_a_password_that_cannot_be_sent_is_in_no_error(authority: Authority) -> None:
    async with MailServer(starttls=authority.server_context()) as server:
        fault = await fault_of(server, "sénha", security="starttls", user="keyturn")
    assert "nha" not in fault


async def test_a_silent_mail_server_times_out(mail_server: MailServer) -> None:
    mail_server.silent = True
    assert await fault_of(mail_server, timeout=0.2) == "the mail server did not answer in time"
    await mail_server.gone.wait()


async def test_a_mail_server_that_never_finishes_is_cut_off(mail_server: MailServer) -> None:
    mail_server.drips = True
    assert await fault_of(mail_server, timeout=0.5) == "the mail server did not answer in time"
    async with asyncio.timeout(10):
        await mail_server.gone.wait()


async def test_mail_server_that_does_not_listen_is_an_error() -> None:
    async with MailServer() as server:
        pass
    assert await fault_of(server) == "no connection to the mail server"


@pytest.mark.parametrize(
    "address", ["eve@evil.example\r\nBcc: all@evil.example", "a@b.example, c@d.example", "Ana <a@b.example>", "a@b\n"]
)
async def test_an_address_cannot_bring_a_header_or_another_address(mail_server: MailServer, address: str) -> None:
    await by_mail(mail_server.port, others=[address]).send(LETTER)
    (mail,) = mail_server.mails
    assert mail.to == [ADMIN]
    assert mail.message["To"] == ADMIN
    assert "evil" not in str(mail.message)


async def test_what_an_operator_wrote_stays_on_its_line(tmp_path: Path, mail_server: MailServer) -> None:
    scope = "vehicle\r\nBcc: all@evil.example\r\n\r\n.\r\nMAIL FROM:<eve@evil.example>"
    async with alert_env(tmp_path, [by_mail(mail_server.port)]) as running:
        await running.record("switch.thrown", scope=scope, actor="operator:\r\nSubject: x")
        await running.settled()
    mail = mail_server.mails[0]
    assert mail.message["Bcc"] is None
    assert mail.message["Subject"] == "[Keyturn] critical: An emergency switch was thrown"
    lines = mail.text.splitlines()
    assert [line for line in lines if line.startswith(("Bcc", "MAIL", "Subject"))] == []


async def test_an_alert_shows_only_named_members_of_an_entry(tmp_path: Path, mail_server: MailServer) -> None:
    async with alert_env(tmp_path, [by_mail(mail_server.port)]) as running:
        await running.record("switch.thrown", scope="company", code="4711", token="abc", reason="he said 4711")
        await running.settled()
    text = mail_server.mails[0].text
    assert "scope: company" in text
    assert not [secret for secret in ("4711", "abc") if secret in text]
