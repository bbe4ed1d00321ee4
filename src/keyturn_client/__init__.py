"""Client of Keyturn's HTTP API: sign commands, send them, and follow them to their end."""

from keyturn_client.client import KeyturnClient, KeyturnError, Token, Unreachable
from keyturn_client.signing import MessageSignature, message, signature, signature_headers

__all__ = [
    "KeyturnClient",
    "KeyturnError",
    "MessageSignature",
    "Token",
    "Unreachable",
    "message",
    "signature",
    "signature_headers",
]
