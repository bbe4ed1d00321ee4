"""Requests made before anything is measured."""

import hashlib
import hmac
import json
from collections.abc import Iterable

from benchmarks.installation import Installation

VEHICLE_COMMAND = "/vehicle-command"
NOOP = "/bench/noop"


def signed_posts(path: str, plot: Installation, vins: Iterable[str], command: str) -> list[bytes]:
    """One signed POST for each vehicle."""
    return [_post(path, plot, vin, command) for vin in vins]


def gets(plot: Installation, command_ids: Iterable[str]) -> list[bytes]:
    """One GET for each command."""
    return [_request("GET", f"{VEHICLE_COMMAND}/{command_id}", plot, {}, "") for command_id in command_ids]


def _post(path: str, plot: Installation, vin: str, command: str) -> bytes:
    message = json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)
    signature = hmac.new(plot.sign_secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    body = json.dumps({"vin": vin, "command": command})
    fields = {"X-Signature": signature, "Content-Type": "application/json", "Content-Length": str(len(body))}
    return _request("POST", path, plot, fields, body)


def _request(method: str, target: str, plot: Installation, fields: dict[str, str], body: str) -> bytes:
    sent = {"Host": "bench", "Authorization": f"Bearer {plot.token}", **fields}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n{body}".encode()
