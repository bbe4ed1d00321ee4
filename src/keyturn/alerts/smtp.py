"""The e-mail channel: sends messages as plain text over SMTP."""

import asyncio
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate

import structlog

from keyturn.alerts.message import Message, NotDelivered, QueuedMessage
from keyturn.config.rules import is_mail_address
from keyturn.config.settings import SmtpSettings

log = structlog.get_logger()
Recipients = Callable[[str | None], Awaitable[list[str]]]
"""E-mail addresses beside those of the configuration, for alerts of a company (None: of the installation)."""
_FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLCertVerificationError, "the mail server's certificate is not trusted"),
    (ssl.SSLError, "the TLS handshake failed"),
    (TimeoutError, "the mail server did not answer in time"),
    (smtplib.SMTPNotSupportedError, "the mail server does not offer what is configured (STARTTLS, or signing in)"),
    (smtplib.SMTPServerDisconnected, "the mail server closed the connection"),
    (OSError, "no connection to the mail server"),
    (Exception, "the mail server sent an invalid response"),
)


class SmtpChannel:
    """Sends each message to the recipients that do not have it yet."""

    name = "smtp"

    def __init__(self, settings: SmtpSettings, password: str | None, recipients: Recipients) -> None:
        self._settings = settings
        self._password = password
        self._recipients = recipients

    async def send(self, queued: QueuedMessage) -> None:
        recipients = list(dict.fromkeys((*self._settings.to, *await self._recipients(queued.message.company))))
        wanted = [address for address in recipients if is_mail_address(address)]
        if len(wanted) < len(recipients):
            log.warning("an alert skips what is no e-mail address", count=len(recipients) - len(wanted))
        missing = [address for address in wanted if address not in queued.reached]
        if missing:
            await self._exchange(as_mail(queued.message, self._settings.sender, wanted), missing)

    async def _exchange(self, mail: EmailMessage, missing: list[str]) -> None:
        """Send in a thread; on timeout cut its connection, so that the thread ends."""
        exchange = _Exchange(self._settings, self._password)
        try:
            async with asyncio.timeout(self._settings.timeout):
                refused = await asyncio.to_thread(exchange.run, mail, missing)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotDelivered(fault(error)) from None
        finally:
            exchange.cut()
        if refused:
            reached = tuple(address for address in missing if address not in refused)
            raise NotDelivered(_refusal(refused), reached)


def fault(error: Exception) -> str:
    """The fault in fixed words: the server's text might repeat what was sent, secrets included."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"the mail server refused user or password ({error.smtp_code})"
        case smtplib.SMTPResponseException():
            return f"the mail server refused ({error.smtp_code})"
        case smtplib.SMTPRecipientsRefused():
            return _refusal(error.recipients)
    return next(text for kind, text in _FAULTS if isinstance(error, kind))


def as_mail(message: Message, sender: str, to: list[str]) -> EmailMessage:
    """The message as e-mail; its Message-ID is the same in every attempt."""
    mail = EmailMessage(SMTP_POLICY)
    mail["Subject"] = f"[Keyturn] {message.severity}: {message.subject}"
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = f"<keyturn-alert-{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{message.text}\n")
    return mail


class _Session(smtplib.SMTP):
    """A session that connects only after its creation, so that another thread can cut it meanwhile."""

    def __init__(self, settings: SmtpSettings) -> None:
        super().__init__(timeout=settings.timeout)
        self._host = settings.host  # STARTTLS checks the certificate against it


class _TlsSession(smtplib.SMTP_SSL):
    """As `_Session`, with implicit TLS."""

    def __init__(self, settings: SmtpSettings) -> None:
        super().__init__(timeout=settings.timeout, context=ssl.create_default_context())
        self._host = settings.host  # the certificate is checked against it


class _Exchange:
    """One connection to the mail server, in a thread of its own."""

    def __init__(self, settings: SmtpSettings, password: str | None) -> None:
        self._settings = settings
        self._password = password
        self._session: smtplib.SMTP | None = None

    def run(self, mail: EmailMessage, to: list[str]) -> dict[str, tuple[int, bytes]]:
        """Send the mail; returns the refused addresses of `to`. Raises SMTPException, OSError or ValueError."""
        settings = self._settings
        self._session = session = _TlsSession(settings) if settings.security == "tls" else _Session(settings)
        try:
            session.connect(settings.host, settings.port)
            if settings.security == "starttls":
                session.starttls(context=ssl.create_default_context())
            if self._password is not None:
                session.login(settings.user, self._password)
            refused = session.send_message(mail, settings.sender, to)
            with contextlib.suppress(smtplib.SMTPException, OSError):
                session.quit()  # the server has accepted the mail already
        finally:
            session.close()
        return refused

    def cut(self) -> None:
        """Shut the socket down, which ends the thread's wait."""
        sock: socket.socket | None = self._session.sock if self._session is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _refusal(refused: dict[str, tuple[int, bytes]]) -> str:
    codes = ", ".join(sorted({str(code) for code, _text in refused.values()}))
    return f"{len(refused)} of the recipients were refused ({codes})"
