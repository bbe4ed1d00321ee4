"""Uses the installation's keys: sealing, digests, signatures and tokens. No key leaves this object."""

import hashlib
import hmac
import secrets
from pathlib import Path

import jwt
import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.types import Options

from keyturn.auth.keyfile import Keys, add_checkpoint_key, read_keys, write_new_keys
from keyturn.clock import SECOND
from keyturn.store.port import ReadTx, Store, StoreRefused, Tx

_SEAL_VERSION = b"\x01"
_NONCE_BYTES = 12
_BACKUP_PURPOSE = b"keyturn backup signature 1"
_ALGORITHM = "HS256"
# The expiry is checked by the injected clock, not by PyJWT's own.
_CHECKS: Options = {
    "require": ["exp", "sub", "ver"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}

_FINGERPRINT = "SELECT value FROM store_fact WHERE name = 'keys'"
_CLAIM = "INSERT INTO store_fact (name, value) VALUES ('keys', :value) ON CONFLICT (name) DO NOTHING"


class SealBroken(Exception):
    """The data was not sealed with these keys for this owner, or was changed since."""


class TokenClaims(msgspec.Struct, frozen=True):
    """The claims of a valid token."""

    application_id: str
    secret_version: int
    expires_at: int
    """The instant from which it is invalid."""


class Keyring:
    """Holds the keys of one installation and never prints them."""

    def __init__(self, keys: Keys) -> None:
        self._sealer = AESGCM(bytes.fromhex(keys.master_key))
        self._pepper = bytes.fromhex(keys.pepper)
        self._jwt_keys = {key.kid: bytes.fromhex(key.secret) for key in keys.jwt_keys}
        self._signing_kid = keys.jwt_keys[0].kid
        seed = bytes.fromhex(keys.checkpoint_key) if keys.checkpoint_key else secrets.token_bytes(32)
        self._checkpoint_signer = Ed25519PrivateKey.from_private_bytes(seed)
        self._backup_signer = Ed25519PrivateKey.from_private_bytes(_derived(keys.master_key, _BACKUP_PURPOSE))
        self._fingerprint = hashlib.sha256(f"keyturn keys {keys.master_key} {keys.pepper}".encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Keyring(fingerprint={self._fingerprint[:8]!r})"

    def fingerprint(self) -> str:
        """Identifies the keys that data is bound to, without disclosing them; not the token keys, which may change."""
        return self._fingerprint

    def seal(self, plain: bytes, aad: str) -> bytes:
        """AES-256-GCM: a version byte, a random 96-bit nonce, the ciphertext. `aad` is the id of the owner."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _SEAL_VERSION + nonce + self._sealer.encrypt(nonce, plain, _SEAL_VERSION + aad.encode())

    def unseal(self, sealed: bytes, aad: str) -> bytes:
        """What `seal` was given with the same `aad`. Raises `SealBroken`."""
        version, nonce, ciphertext = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if len(nonce) < _NONCE_BYTES:
            raise SealBroken
        try:
            return self._sealer.decrypt(nonce, ciphertext, version + aad.encode())
        except InvalidTag:
            raise SealBroken from None

    def digest(self, text: str) -> str:
        """HMAC-SHA256 under the pepper, hexadecimal. Callers put the purpose of the digest into `text`."""
        return hmac.digest(self._pepper, text.encode(), "sha256").hex()

    @property
    def checkpoint_key(self) -> bytes:
        """The public key that verifies checkpoints, 32 bytes (RFC 8032)."""
        return self._checkpoint_signer.public_key().public_bytes_raw()

    def sign_checkpoint(self, statement: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        return self._checkpoint_signer.sign(statement)

    @property
    def backup_key(self) -> bytes:
        """The public key that verifies backups, 32 bytes (RFC 8032)."""
        return self._backup_signer.public_key().public_bytes_raw()

    def sign_backup(self, statement: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes, with a separate key that is derived from the master key."""
        return self._backup_signer.sign(statement)

    def verify_backup(self, statement: bytes, signature: bytes) -> bool:
        """Whether `sign_backup` made the signature of this statement."""
        try:
            self._backup_signer.public_key().verify(signature, statement)
        except InvalidSignature:
            return False
        return True

    def issue_token(self, application_id: str, secret_version: int, now: int, life: int) -> str:
        """A JWT for `life` seconds from the instant `now`."""
        issued = now // SECOND
        claims = {"sub": application_id, "ver": secret_version, "iat": issued, "exp": issued + life}
        key = self._jwt_keys[self._signing_kid]
        return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": self._signing_kid})

    def verify_token(self, token: str, now: int) -> TokenClaims | None:
        """Its claims; None unless one of the keys signed it and it has not expired at `now`."""
        try:
            key = self._jwt_keys[jwt.get_unverified_header(token)["kid"]]
            payload = jwt.decode(token, key, algorithms=[_ALGORITHM], options=_CHECKS)
        except (jwt.InvalidTokenError, KeyError, RecursionError):
            return None
        claims = TokenClaims(payload["sub"], payload["ver"], payload["exp"] * SECOND)
        return claims if now < claims.expires_at else None


def load_keyring(path: Path) -> Keyring:
    """The keyring of an existing key file. Raises `StoreRefused`."""
    return Keyring(_keys(path, first_start=False))


async def open_keyring(store: Store, path: Path) -> Keyring:
    """The keyring of this data; the first start generates its key file. Raises `StoreRefused`."""
    known = await store.read(_known_fingerprint)
    keyring = Keyring(_keys(path, first_start=known is None))
    owner = known or await store.write(lambda tx: _claim(tx, keyring.fingerprint()))
    if owner != keyring.fingerprint():
        raise StoreRefused(f"The key file {path} does not belong to this data; start with the one it was made with.")
    return keyring


def _derived(master_key: str, purpose: bytes) -> bytes:
    """32 bytes for one purpose (HKDF with SHA-256, RFC 5869), independent of the master key and of each other."""
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(bytes.fromhex(master_key))


def _keys(path: Path, *, first_start: bool) -> Keys:
    if not path.exists():
        if not first_start:
            raise StoreRefused(f"The key file {path} is missing, and this data cannot be used without it.")
        write_new_keys(path)
    keys = read_keys(path)
    if keys.checkpoint_key is None:
        add_checkpoint_key(path)
        keys = read_keys(path)
    return keys


def _claim(tx: Tx, fingerprint: str) -> str | None:
    tx.run(_CLAIM, value=fingerprint)
    return _known_fingerprint(tx)


def _known_fingerprint(tx: ReadTx) -> str | None:
    row = tx.one(_FINGERPRINT)
    return None if row is None else str(row[0])
