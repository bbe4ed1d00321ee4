"""The demo's ways to the simulated OEM, and which one a vehicle takes."""

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.config.checking import KeyPath
from keyturn_simulator import FleetVehicle

_ORDINARY, _SHORT, _RELAY = "simulator", "simulator-short", "relay"

CONNECTORS = (_ORDINARY, _SHORT, _RELAY)

_SHORT_ANSWER_WAIT = 10.0
"""Seconds. For vehicles whose answer comes late or never, so that nobody has to wait long to see it."""


def connector_of(vehicle: FleetVehicle) -> str:
    """The connector of the vehicle's account."""
    if vehicle.api == "relay":
        return _RELAY
    return _ORDINARY if vehicle.answer_deadline is None else _SHORT


def connector_settings(oem_url: str) -> dict[KeyPath, object]:
    """The connectors' settings, by their place in the configuration."""
    places: dict[KeyPath, object] = {
        (_ORDINARY, "http", "definition"): "simulator",
        (_ORDINARY, "http", "base_url"): oem_url,
        (_SHORT, "http", "definition"): "simulator",
        (_SHORT, "http", "base_url"): oem_url,
        (_RELAY, "http", "definition"): "relay",
        (_RELAY, "http", "base_url"): f"{oem_url}/relay",
    }
    places |= {(_SHORT, "answer_wait", command): _SHORT_ANSWER_WAIT for command in COMMANDS}
    return {("connectors", *place): value for place, value in places.items()}
