"""Signing, version 1: HMAC-SHA256 over the vehicle and the command. A confirmation code is never signed."""

import hmac
import json


def message(vin: str, command: str) -> str:
    """What is signed: compact JSON with sorted keys and everything beyond ASCII escaped."""
    return json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)


def signature(sign_secret: str, vin: str, command: str) -> str:
    """The `X-Signature` of a command: 64 lower-case hex digits."""
    return hmac.digest(sign_secret.encode(), message(vin, command).encode(), "sha256").hex()
