"""The demo's settings: its own defaults, over them the environment, over that its options."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from keyturn.cli.configuration import loaded, over
from keyturn.cli.demo.connectors import connector_settings
from keyturn.config.checking import KeyPath
from keyturn.config.settings import ChangeSettings, Settings
from keyturn.config.sources import variable_of

_DEFAULTS: dict[KeyPath, object] = {("limits", "application_rate"): 0, ("log", "level"): "warning"}


_PORT = variable_of(("server", "port"))
_DELAY = variable_of(("changes", "delay"))
"""A demo alone may have none: its operator is alone. No file or variable can say so."""


def demo_settings(directory: Path, port: int | None, oem_url: str, before: str | None) -> Settings:
    """Where no port is asked for, it is that of the URL `before`, if it is free. Raises `Failure`."""
    if port in (None, 0) and os.environ.get(_PORT, "0") == "0":
        port = port_of(before) or port
    defaults = _DEFAULTS | connector_settings(oem_url)
    below = {variable_of(path): str(value) for path, value in defaults.items()}
    settings = loaded(None, below | dict(os.environ) | over(data=directory, port=port))
    if _DELAY in os.environ:
        return settings
    return msgspec.structs.replace(settings, changes=ChangeSettings(delay=0))


def port_of(url: str | None) -> int:
    """The port of a URL that was served here, 0 when another has it now."""
    place = urlsplit(url or "")
    if not place.hostname or not place.port:
        return 0
    family = socket.AF_INET6 if ":" in place.hostname else socket.AF_INET
    try:
        socket.create_server((place.hostname, place.port), family=family).close()
    except OSError:
        return 0
    return place.port
