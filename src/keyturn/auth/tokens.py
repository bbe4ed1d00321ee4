"""Application credentials, the bearer tokens that they are exchanged for, and the authentication of tokens."""

import hmac
import secrets

import msgspec

from keyturn.auth.keyring import Keyring, TokenClaims
from keyturn.auth.principal import Principal
from keyturn.clock import Clock
from keyturn.store.port import ReadTx, Row, Store

CACHE_LIFE = 1.0
"""Seconds for which a verified token is cached, so that a revocation takes effect within them."""

CACHE_SIZE = 4096

_BY_CLIENT_ID = """
SELECT a.id, a.client_secret_hash, a.secret_version, a.active = 1 AND c.active = 1
FROM application a JOIN company c ON c.id = a.company_id
WHERE a.client_id = :client_id
"""
_UNKNOWN: Row = ("", "0" * 64, 0, 0)

_PRINCIPAL = """
SELECT a.company_id, a.grants, a.client_id, a.signing
FROM application a JOIN company c ON c.id = a.company_id
WHERE a.id = :id AND a.secret_version = :version AND a.active = 1 AND c.active = 1
"""
_SIGN_SECRETS = "SELECT sealed FROM sign_secret WHERE application_id = :id ORDER BY slot"

_SECRET_BYTES = 32
_NAMES = msgspec.json.Decoder(frozenset[str])


def new_client_id() -> str:
    return secrets.token_hex(12)


def new_secret() -> str:
    """256 random bits, so that a keyed digest protects it as well as a slow hash: 43 URL-safe characters."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def client_secret_digest(keyring: Keyring, client_secret: str) -> str:
    """The keyed digest that is stored of a client secret; hexadecimal."""
    return keyring.digest(f"client secret {client_secret}")


class _Entry(msgspec.Struct, frozen=True):
    principal: Principal
    valid_until: float
    """Seconds since boot, so that suspending the machine does not prolong it."""
    expires_at: int


class Authenticator:
    """Issues tokens to applications and authenticates them; caches a verified token for at most `CACHE_LIFE`."""

    def __init__(self, store: Store, keyring: Keyring, clock: Clock, life: int) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self._life = life
        self._cache: dict[str, _Entry] = {}
        """By token: a digest of it would cost as much as all the rest of a request's authentication."""

    async def token(self, client_id: str, client_secret: str) -> str | None:
        """A JWT, or None when the two are not those of an active application of an active company."""
        row = await self._store.read(lambda tx: tx.one(_BY_CLIENT_ID, client_id=client_id))
        application_id, expected, version, active = row or _UNKNOWN
        digest = client_secret_digest(self._keyring, client_secret)
        if not hmac.compare_digest(digest, expected) or not active:
            return None
        return self._keyring.issue_token(application_id, version, self._clock.now(), self._life)

    async def authenticate(self, token: str) -> Principal | None:
        """The application of the token; None when it is unknown, expired or revoked."""
        entry = self._cache.get(token)
        started_at = self._clock.boottime()
        if entry is not None and started_at < entry.valid_until and self._clock.now() < entry.expires_at:
            return entry.principal
        self._cache.pop(token, None)
        claims = self._keyring.verify_token(token, self._clock.now()) if token.isascii() else None
        if claims is None:
            return None
        principal = await self._principal(claims)
        if principal is not None:
            self._cache_entry(token, _Entry(principal, started_at + CACHE_LIFE, claims.expires_at))
        return principal

    async def _principal(self, claims: TokenClaims) -> Principal | None:
        found = await self._store.read(lambda tx: _rows(tx, claims))
        if found is None:
            return None
        (company_id, grants, client_id, signing), sealed = found
        sign_secrets = tuple(self._keyring.unseal(bytes(secret), claims.application_id) for (secret,) in sealed)
        return Principal(claims.application_id, company_id, _NAMES.decode(grants), sign_secrets, client_id, signing)

    def _cache_entry(self, token: str, entry: _Entry) -> None:
        self._cache.pop(token, None)
        if len(self._cache) >= CACHE_SIZE:
            del self._cache[next(iter(self._cache))]
        self._cache[token] = entry


def _rows(tx: ReadTx, claims: TokenClaims) -> tuple[Row, list[Row]] | None:
    application = tx.one(_PRINCIPAL, id=claims.application_id, version=claims.secret_version)
    if application is None:
        return None
    return application, tx.all(_SIGN_SECRETS, id=claims.application_id)
