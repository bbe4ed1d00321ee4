"""Connector settings for tests, with all keys in one place."""

from typing import Any

from keyturn.config.settings import ConnectorSettings, HttpSettings


def http_settings(definition: str, **settings: Any) -> ConnectorSettings:
    """Of kind ``http``; keys of `HttpSettings` go there."""
    http = {key: settings.pop(key) for key in list(settings) if key in HttpSettings.__struct_fields__}
    return ConnectorSettings(http=HttpSettings(definition, **http), **settings)
