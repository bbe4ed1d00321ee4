"""Client of Keyturn's HTTP API: sign commands, send them, and follow them to their end."""

from keyturn_client.client import KeyturnClient
from keyturn_client.errors import KeyturnError, Unreachable
from keyturn_client.message_signatures import MessageSignature, signature_headers
from keyturn_client.signing import message, signature
from keyturn_client.token import Token

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
