"""Serialized requests, made before the measurement begins."""

import hashlib
import hmac
import json
from collections.abc import Iterable

from benchmarks.installation import Installation

VEHICLE_COMMAND = "/vehicle-command"
NOOP = "/bench/noop"


def signed_posts(path: str, installation: Installation, vins: Iterable[str], command: str) -> list[bytes]:
    """One signed POST for each vehicle."""
    return [_post(path, installation, vin, command) for vin in vins]


def gets(installation: Installation, command_ids: Iterable[str]) -> list[bytes]:
    """One GET for each command."""
    return [_request("GET", f"{VEHICLE_COMMAND}/{command_id}", installation, {}, "") for command_id in command_ids]


def _post(path: str, installation: Installation, vin: str, command: str) -> bytes:
    message = json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)
    signature = hmac.new(installation.sign_secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    body = json.dumps({"vin": vin, "command": command})
    fields = {"X-Signature": signature, "Content-Type": "application/json", "Content-Length": str(len(body))}
    return _request("POST", path, installation, fields, body)


def _request(method: str, target: str, installation: Installation, fields: dict[str, str], body: str) -> bytes:
    sent = {"Host": "bench", "Authorization": f"Bearer {installation.token}", **fields}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n{body}".encode()
