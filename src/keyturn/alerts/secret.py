"""Secrets of the channels: from a file or an environment variable, never from the configuration itself."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from keyturn.config.checking import ConfigError

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
