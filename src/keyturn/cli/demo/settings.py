"""Settings of the demo: its own defaults, overridden by the environment and that by its options; and its connectors."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from keyturn.cli.configuration import loaded, over
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.config.settings import ChangeSettings, Settings
from keyturn.config.sources import variable_of
from keyturn.config.validation import KeyPath
from keyturn_simulator import FleetVehicle

_DEFAULTS: dict[KeyPath, object] = {("limits", "application_rate"): 0, ("log", "level"): "warning"}

_PORT = variable_of(("server", "port"))
_DELAY = variable_of(("changes", "delay"))
"""The delay of pending changes. A demo may have none, because one person runs it; no file or variable allows that."""

_ORDINARY, _SHORT, _RELAY = "simulator", "simulator-short", "relay"

CONNECTORS = (_ORDINARY, _SHORT, _RELAY)

_SHORT_ANSWER_WAIT = 10.0
"""Seconds. For vehicles whose answer comes late or never, so that this can be seen soon."""


def demo_settings(directory: Path, port: int | None, oem_url: str, before: str | None) -> Settings:
    """The settings of a node. Without `port` it takes that of the URL `before`, if it is free. Raises `Failure`."""
    if port in (None, 0) and os.environ.get(_PORT, "0") == "0":
        port = port_of(before) or port
    defaults = _DEFAULTS | connector_settings(oem_url)
    below = {variable_of(path): str(value) for path, value in defaults.items()}
    settings = loaded(None, below | dict(os.environ) | over(data=directory, port=port))
    if _DELAY in os.environ:
        return settings
    return msgspec.structs.replace(settings, changes=ChangeSettings(delay=0))


def port_of(url: str | None) -> int:
    """The port of a URL that was served here, 0 where it is in use."""
    address = urlsplit(url or "")
    if not address.hostname or not address.port:
        return 0
    family = socket.AF_INET6 if ":" in address.hostname else socket.AF_INET
    try:
        socket.create_server((address.hostname, address.port), family=family).close()
    except OSError:
        return 0
    return address.port


def connector_of(vehicle: FleetVehicle) -> str:
    """The connector of the vehicle's account."""
    if vehicle.api == "relay":
        return _RELAY
    return _ORDINARY if vehicle.answer_deadline is None else _SHORT


def connector_settings(oem_url: str) -> dict[KeyPath, object]:
    """The connectors' settings, by their keys in the configuration."""
    settings: dict[KeyPath, object] = {
        (_ORDINARY, "http", "definition"): "simulator",
        (_ORDINARY, "http", "base_url"): oem_url,
        (_SHORT, "http", "definition"): "simulator",
        (_SHORT, "http", "base_url"): oem_url,
        (_RELAY, "http", "definition"): "relay",
        (_RELAY, "http", "base_url"): f"{oem_url}/relay",
    }
    settings |= {(_SHORT, "answer_wait", command): _SHORT_ANSWER_WAIT for command in COMMANDS}
    return {("connectors", *path): value for path, value in settings.items()}
