"""Bearer tokens of the simulated cloud: a fixed one, and those issued by the client credentials grant."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, unquote_plus

import msgspec

from keyturn_simulator.clock import SECOND, SimulatorClock, micros
from keyturn_simulator.settings import SimulatorSettings


class TokenRequest(msgspec.Struct, frozen=True):
    """RFC 6749 section 4.4, with the client's credentials in the body or as HTTP Basic."""

    grant_type: str
    client_id: str
    client_secret: str

    @classmethod
    def parsed(cls, body: bytes, authorization: str) -> "TokenRequest":
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        basic_id, basic_secret = basic_credentials(authorization)
        return cls(form.get("grant_type", ""), form.get("client_id", basic_id), form.get("client_secret", basic_secret))


class Access:
    """Checks bearer tokens: the fixed one, and those issued here until they expire."""

    def __init__(self, settings: SimulatorSettings, clock: SimulatorClock) -> None:
        self._settings = settings
        self._clock = clock
        self.token = settings.token
        """The fixed one, until another replaces it."""

    def knows(self, request: TokenRequest) -> bool:
        id_matches = same(request.client_id, self._settings.client_id)
        return same(request.client_secret, self._settings.client_secret) and id_matches

    def issue(self) -> str:
        expires_at = self._clock.now() + micros(self._settings.token_lifetime)
        return self._sealed(str(expires_at // SECOND))

    def admits(self, authorization: str) -> bool:
        """Whether an `Authorization` header carries a bearer token that is good now."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return False
        if same(token, self.token):
            return True
        expiry = token.partition(".")[0]
        return expiry.isdecimal() and same(token, self._sealed(expiry)) and self._clock.now() < int(expiry) * SECOND

    def _sealed(self, expiry: str) -> str:
        seal = hmac.digest(self._settings.client_secret.encode(), expiry.encode(), hashlib.sha256)
        return f"{expiry}.{seal.hex()}"


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def basic_credentials(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)
