"""Builds the configured alert channels.

Their secrets come from a file or an environment variable, never from the configuration itself.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from pathlib import Path

from keyturn.alerts.message import Channel
from keyturn.alerts.smtp import SmtpChannel
from keyturn.alerts.webhook import WebhookChannel
from keyturn.clock import Clock
from keyturn.config.settings import AlertSettings, SmtpSettings, WebhookSettings
from keyturn.config.validation import ConfigError
from keyturn.store.port import ReadTx, Store


def no_recipients(_tx: ReadTx, _company_id: str | None) -> list[str]:
    """No recipients beside those of the configuration."""
    return []


def build_channels(
    settings: AlertSettings,
    environ: Mapping[str, str],
    clock: Clock,
    store: Store,
    recipients: Callable[[ReadTx, str | None], list[str]] = no_recipients,
) -> tuple[Channel, ...]:
    """The configured channels. Raises `ConfigError`.

    `environ`: environment variables that may hold secrets. `recipients`: further e-mail addresses for alerts of a
    company (None: of the installation).
    """

    async def others(company_id: str | None) -> list[str]:
        return await store.read(lambda tx: recipients(tx, company_id))

    channels: list[Channel] = []
    if settings.smtp.host:
        channels.append(SmtpChannel(settings.smtp, _password(settings.smtp, environ), others))
    if settings.webhook.url:
        channels.append(WebhookChannel(settings.webhook, _key(settings.webhook, environ), clock))
    return tuple(channels)


def _password(smtp: SmtpSettings, environ: Mapping[str, str]) -> str | None:
    if not smtp.user:
        return None
    return read_secret("alerts.smtp", "password", smtp.password_file, smtp.password_variable, environ)


def _key(webhook: WebhookSettings, environ: Mapping[str, str]) -> bytes:
    return webhook_key(read_secret("alerts.webhook", "secret", webhook.secret_file, webhook.secret_variable, environ))


_WEBHOOK_PREFIX = "whsec_"
_WEBHOOK_BYTES = range(24, 65)


def read_secret(section: str, name: str, file: str, variable: str, environ: Mapping[str, str]) -> str:
    """The content of `file`, else of the environment's `variable`. Raises `ConfigError`, which names no content."""
    if not file:
        text = environ.get(variable, "")
        place = f"{section}.{name}_variable: the environment variable {variable}"
    else:
        text = _content(f"{section}.{name}_file", file)
        place = f"{section}.{name}_file: {file}"
    if not text.strip():
        raise ConfigError(f"{place} holds nothing.")
    return text.strip()


def webhook_key(secret: str) -> bytes:
    """The key in ``whsec_`` and base64 of 24 to 64 bytes, as Standard Webhooks writes it. Raises `ConfigError`."""
    try:
        key = base64.b64decode(secret.removeprefix(_WEBHOOK_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_WEBHOOK_PREFIX) or len(key) not in _WEBHOOK_BYTES:
        raise ConfigError(f"alerts.webhook: the secret must be {_WEBHOOK_PREFIX} and base64 of 24 to 64 bytes.")
    return key


def _content(setting: str, file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{setting}: {file} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{setting}: {file} is not text.") from None
