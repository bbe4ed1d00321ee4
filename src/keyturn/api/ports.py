"""What the HTTP edge asks of the rest of Keyturn."""

from typing import Protocol

from keyturn.auth.principal import Principal
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.admission.requests import CommandRequest, PostAnswer
from keyturn.errors import Refusal


class Authenticator(Protocol):
    """Who may come in."""

    async def token(self, client_id: str, client_secret: str) -> str | None:
        """A bearer token, or None when the two do not name an active application."""
        ...

    async def authenticate(self, token: str) -> Principal | None:
        """Whom a bearer token names, or None when it is unknown, expired or revoked."""
        ...


class CommandService(Protocol):
    """Where commands are registered and looked up."""

    async def post(self, request: CommandRequest) -> PostAnswer:
        """Register or join a command, or issue a code; raises the `Refusal` of rows 8-11b, or of a spent nonce."""
        ...

    async def get(self, company_id: str, command_id: str, wait: float) -> dict[str, object] | None:
        """The public record, held for up to `wait` seconds until it is final; None: not this company's."""
        ...

    async def is_spent(self, nonce: Nonce) -> bool:
        """Whether a signature with this nonce is sure to be refused: seen before, too old or too new."""
        ...

    async def refuse(self, principal: Principal, vin: str, command: str, refusal: Refusal) -> None:
        """Write down an ignition attempt that was refused before it reached the desk."""
        ...


class Health(Protocol):
    """Whether this node can do its work."""

    def ready(self) -> dict[str, str]:
        """Problems by name; empty when there are none."""
        ...
