"""An application's credentials. Each secret is 256 random bits, so a keyed digest guards it as well as a slow hash."""

import secrets

from keyturn.auth.keyring import Keyring

_SECRET_BYTES = 32


def new_client_id() -> str:
    return secrets.token_hex(12)


def new_secret() -> str:
    """URL-safe text of 43 characters."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def client_secret_digest(keyring: Keyring, client_secret: str) -> str:
    """What is stored of a client secret."""
    return keyring.digest(f"client secret {client_secret}")
