"""Minimal definitions for tests; a test changes single tables."""

from typing import Any

from keyturn.connectors.oem_http.connector import HttpConnector
from keyturn.connectors.oem_http.definition.definition import Definition, parse_definition
from tests.support.clock import RunningClock

OPERATION: dict[str, Any] = {
    "mode": "operation",
    "timeout": 5.0,
    "declares": {"blocks_next_start_only": True},
    "send": {"path": "/cars/{vehicle.external_id}/{command.name}", "body": {"ref": "{command.id}"}},
    "commands": {"start": {}, "lock_door": {}, "location": {"data": {"latitude": {}, "longitude": {}}}},
    "accepted": {"id": "op.id", "url": "op.url"},
    "status": {"path": "/ops/{operation.id}"},
    "result": {
        "state": "op.state",
        "succeeded": ["done"],
        "failed": ["failed"],
        "cancelled": ["cancelled"],
        "completed_at": "op.at",
        "already_done": "op.already",
        "error_code": "op.code || code",
        "data": "op.data.{name}",
    },
    "look_up": {"path": "/ops?ref={command.id}", "answer": "{op: found[0]}", "reference": "found[0].ref"},
    "cancel": {"answer": "@"},
    "answers": [
        {"status": [500], "means": "not_taken"},
        {"status": [503], "means": "not_taken", "temporary": True},
        {"status": [409], "code": ["BUSY"], "means": "not_taken", "temporary": True},
        {"status": [208], "means": "already_done"},
        {"status": [422], "means": "failed"},
    ],
    "errors": {
        "MOVING": {"preconditions": [1]},
        "LOCKED_OUT": {"text": "The vehicle is in service."},
        "SO_ALREADY": {"already_done": True},
        "WITHDRAWN": {"text": "Withdrawn.", "cancelled": True},
    },
    "state": {
        "path": "/cars/{vehicle.external_id}/state",
        "timeout": 5.0,
        "reachable": "up",
        "last_contact": "contact",
        "value": "signals.{name}.v",
        "observed_at": "signals.{name}.seen",
        "as_of": "signals.{name}.as_of",
        "flagged": "signals.{name}.stale",
        "signals": {"speed": {}, "doors_locked": {"values": {"L": True, "U": False}}},
    },
}

SYNC: dict[str, Any] = {
    **{key: value for key, value in OPERATION.items() if key not in ("accepted", "status", "cancel")},
    "mode": "sync",
}


def definition(base: dict[str, Any] = OPERATION, **changes: Any) -> Definition:
    """`base` with whole tables replaced; None removes one."""
    merged = {"base_url": "http://localhost:1", **base, **changes}
    return parse_definition({key: value for key, value in merged.items() if value is not None})


def connector(
    url: str, base: dict[str, Any] = OPERATION, clock: RunningClock | None = None, **changes: Any
) -> HttpConnector:
    return HttpConnector(definition(base, base_url=url, **changes), clock or RunningClock())
