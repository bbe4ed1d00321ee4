"""The channels that a configuration asks for."""

from collections.abc import Callable, Mapping

from keyturn.alerts.channel import Channel
from keyturn.alerts.secret import read_secret, webhook_key
from keyturn.alerts.smtp import SmtpChannel
from keyturn.alerts.webhook import WebhookChannel
from keyturn.clock import Clock
from keyturn.config.settings import AlertSettings, SmtpSettings, WebhookSettings
from keyturn.store.port import ReadTx, Store


def nobody_else(_tx: ReadTx, _company_id: str | None) -> list[str]:
    """Those of the configuration are all."""
    return []


def build_channels(
    settings: AlertSettings,
    environ: Mapping[str, str],
    clock: Clock,
    store: Store,
    recipients: Callable[[ReadTx, str | None], list[str]] = nobody_else,
) -> tuple[Channel, ...]:
    """One for each that is configured. Raises `ConfigError`.

    Secrets may be in `environ`. `recipients` gives e-mail addresses beside those of the configuration, for alerts of a
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
