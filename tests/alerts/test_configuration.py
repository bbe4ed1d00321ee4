"""Channels as a configuration asks for them."""

from pathlib import Path

import pytest

from keyturn.alerts.building import build_channels
from keyturn.clock import SystemClock
from keyturn.config.loading import load_settings
from keyturn.config.settings import Settings
from keyturn.config.validation import ConfigError
from keyturn.store.port import ReadTx
from tests.support.alert_env import ADMIN, SECRET, SENDER, alert_env

from .mail_server import MailServer
from .test_smtp import LETTER

pytestmark = pytest.mark.anyio

SMTP = f'[alerts.smtp]\nhost = "mail.example"\nsender = "{SENDER}"\nto = ["{ADMIN}"]\n'
WEBHOOK = '[alerts.webhook]\nurl = "https://hooks.example/in?team=1"\nsecret_variable = "ALERT_SECRET"\n'


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "keyturn.toml"
    file.write_text(text)
    return load_settings(file, environ)


async def built(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """The names of the channels."""
    settings = loaded(tmp_path, text)
    async with alert_env(tmp_path, []) as running:
        return [channel.name for channel in build_channels(settings.alerts, environ, SystemClock(), running.store)]


async def test_nothing_is_configured_by_default(tmp_path: Path) -> None:
    assert await built(tmp_path, "") == []


async def test_both_alert_channels_can_be_configured(tmp_path: Path) -> None:
    assert await built(tmp_path, SMTP + WEBHOOK, ALERT_SECRET=SECRET) == ["smtp", "webhook"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMTP.replace(SENDER, "Keyturn <k@fleet.example>"), "alerts.smtp.sender: expected an e-mail address"),
        (SMTP.replace(ADMIN, f"{ADMIN}\\r\\nBcc: x@y.example"), "alerts.smtp.to: expected e-mail addresses"),
        (SMTP.replace(f'"{ADMIN}"', ""), "alerts.smtp.to: expected e-mail addresses, at least one"),
        (SMTP + 'user = "k"\n', "alerts.smtp.password_file: expected a file"),
        (SMTP + 'user = "k"\npassword_file = "p"\nsecurity = "none"\n', "alerts.smtp.security: expected starttls or"),
        (WEBHOOK.replace("https://", "ftp://"), "alerts.webhook.url: expected an https URL"),
        (WEBHOOK.replace("https://", "https://me:pass@"), "alerts.webhook.url: expected an https URL"),
        (WEBHOOK.replace("secret_variable", "#"), "alerts.webhook.secret_file: expected a file"),
        (WEBHOOK + "allow_private = 1\n", "alerts.webhook.allow_private: expected true or false"),
        ("[alerts]\nbackup_max_age = 60.0\n", "alerts.backup_max_age: expected 0, as neither"),
    ],
)
async def test_meaningless_alert_setting_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(message)
    assert "pass@" not in str(caught.value)


async def test_everything_can_be_configured_by_the_environment(tmp_path: Path) -> None:
    settings = loaded(tmp_path, WEBHOOK, KEYTURN_ALERTS_WEBHOOK__ALLOW_PRIVATE="true", KEYTURN_ALERTS_SMTP__TO="a, b")
    assert settings.alerts.webhook.allow_private is True
    assert settings.alerts.smtp.to == ("a", "b")


@pytest.mark.parametrize("secret", ["", "plain", "whsec_plain!", "whsec_c2hvcnQ="])
async def test_a_secret_that_cannot_be_used_is_not_repeated(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await built(tmp_path, WEBHOOK, ALERT_SECRET=secret)
    assert not secret or secret.removeprefix("whsec_") not in str(caught.value)


async def test_a_secret_file_that_is_not_there(tmp_path: Path) -> None:
    text = WEBHOOK.replace('secret_variable = "ALERT_SECRET"', f'secret_file = "{tmp_path / "none"}"')
    with pytest.raises(ConfigError, match=r"alerts\.webhook\.secret_file: .* cannot be read"):
        await built(tmp_path, text)


async def test_operators_of_the_company_are_recipients_too(tmp_path: Path, mail_server: MailServer) -> None:
    def recipients(_tx: ReadTx, company_id: str | None) -> list[str]:
        return [f"boss@{company_id}.example"]

    text = SMTP.replace("mail.example", "localhost") + f'port = {mail_server.port}\nsecurity = "none"\n'
    async with alert_env(tmp_path, []) as running:
        (channel,) = build_channels(loaded(tmp_path, text).alerts, {}, SystemClock(), running.store, recipients)
        await channel.send(LETTER)
    assert mail_server.mails[0].to == [ADMIN, "boss@acme.example"]
