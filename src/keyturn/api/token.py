"""`POST /token`: exchanges client credentials for a bearer token."""

from urllib.parse import parse_qs

from keyturn.api.client_address import ClientAddresses
from keyturn.api.json_body import sanitize
from keyturn.api.ports import Authenticator
from keyturn.api.rate_limits import FailedAttempts
from keyturn.api.request import Request
from keyturn.api.responses import Response, json_response
from keyturn.errors import InvalidCredentials, TooManyRequests

_FIELD_PAIRS = (("client_id", "client_secret"), ("username", "password"))
_NOT_STORED = [(b"cache-control", b"no-store")]
_KEY_LENGTH = 200
"""Characters of a client id in a limiter's key: limits the memory that unauthenticated requests can take."""


class TokenEndpoint:
    """Issues tokens, with two limits on failed attempts.

    Per address and client id: beyond it even right credentials are answered 429 until the window has passed. Per
    address over all client ids: beyond it wrong credentials alone are, so that guessing learns nothing more.
    """

    def __init__(
        self,
        directory: Authenticator,
        addresses: ClientAddresses,
        attempts: FailedAttempts,
        attempts_of_address: FailedAttempts,
        life: int,
        body_limit: int,
    ) -> None:
        self._directory = directory
        self._addresses = addresses
        self._attempts = attempts
        self._attempts_of_address = attempts_of_address
        self._life = life
        self._body_limit = body_limit

    async def post(self, request: Request) -> Response:
        """200 with ``{"token", "expiration"}``. Raises `InvalidCredentials`, `TooManyRequests` or `BodyTooLarge`."""
        client_id, client_secret = _credentials(await request.body(self._body_limit))
        address = self._addresses.client(request)
        caller = f"{address} {client_id[:_KEY_LENGTH]}"
        if wait := self._attempts.retry_after(caller):
            raise TooManyRequests(wait)
        token = await self._directory.token(client_id, client_secret)
        if token is None:
            self._attempts.record(caller)
            if wait := self._attempts_of_address.retry_after(address):
                raise TooManyRequests(wait)
            self._attempts_of_address.record(address)
            raise InvalidCredentials
        return json_response(200, {"token": token, "expiration": self._life}, _NOT_STORED)


def _credentials(body: bytes) -> tuple[str, str]:
    """Client id and secret from the form; both empty, which match no application, unless it has each exactly once."""
    form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    for pair in _FIELD_PAIRS:
        match [form.get(name) for name in pair]:
            case [[client_id], [client_secret]]:
                return sanitize(client_id), client_secret
    return "", ""
