"""Ports of the HTTP API: what it needs from the rest of Keyturn."""

from typing import Protocol

from keyturn.auth.principal import Principal
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.admission.requests import CommandRequest, PostAnswer
from keyturn.errors import Refusal


class Authenticator(Protocol):
    """Issues and verifies bearer tokens."""

    async def token(self, client_id: str, client_secret: str) -> str | None:
        """A bearer token, or None when the two do not name an active application."""
        ...

    async def authenticate(self, token: str) -> Principal | None:
        """The application that a bearer token names, or None when the token is unknown, expired or revoked."""
        ...


class CommandService(Protocol):
    """Registers and reads commands; implemented by `commands.admission.service`."""

    async def submit(self, request: CommandRequest) -> PostAnswer:
        """Register a command, coalesce with one, or issue a code.

        Raises the `Refusal` of checks 8 to 11b (docs/api.md), or of a consumed nonce.
        """
        ...

    async def get(self, company_id: str, command_id: str, wait: float) -> dict[str, object] | None:
        """The public record, held for up to `wait` seconds until it is final; None: not this company's."""
        ...

    async def is_consumed(self, nonce: Nonce) -> bool:
        """Whether a signature with this nonce is sure to be refused: seen before, too old or too new."""
        ...

    async def record_refusal(self, principal: Principal, vin: str, command: str, refusal: Refusal) -> None:
        """Record an ignition attempt that was refused before its admission."""
        ...


class Health(Protocol):
    """Whether this node can do its work."""

    def ready(self) -> dict[str, str]:
        """Problems by name; empty when there are none."""
        ...
