"""The key file: readable by its owner only, written once, and never replaced for existing data."""

import os
import secrets
import stat
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from keyturn.store.port import StoreRefused

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_KEY_BYTES = 32

HexKey = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

_CONTENT = """\
# The keys of a Keyturn installation: anyone who reads this file can read its secrets and sign its tokens.
# It is not part of a backup of the data. Without it the secrets in the data are lost: keep a copy elsewhere.

master_key = "{master_key}"
pepper = "{pepper}"
checkpoint_key = "{checkpoint_key}"

# One or two: the first signs tokens, every one of them is accepted.
[[jwt_keys]]
kid = "{kid}"
secret = "{secret}"
"""


class JwtKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kid: Annotated[str, Meta(min_length=1, max_length=64)]
    secret: HexKey

    def __repr__(self) -> str:
        return f"JwtKey(kid={self.kid!r})"


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content; each key is 32 bytes in hex. Never printed."""

    master_key: HexKey
    pepper: HexKey
    jwt_keys: Annotated[tuple[JwtKey, ...], Meta(min_length=1, max_length=2)]
    checkpoint_key: HexKey | None = None
    """Signs the checkpoints of the audit chains (Ed25519); a file from before there were any has none."""

    def __repr__(self) -> str:
        return "Keys()"


def read_keys(path: Path) -> Keys:
    """The keys. Raises `StoreRefused` when the file is open to others or is no key file."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
            raise StoreRefused(f"The key file {path} can be reached by others than its owner; run: chmod 600 {path}")
        keys = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Keys)
    except OSError as error:
        raise StoreRefused(f"The key file {path} cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError):
        raise StoreRefused(f"The key file {path} is damaged or is no key file; restore it from your copy.") from None
    if len({key.kid for key in keys.jwt_keys}) < len(keys.jwt_keys):
        raise StoreRefused(f"The key file {path} names two jwt_keys alike; each needs a kid of its own.")
    return keys


def write_new_keys(path: Path) -> None:
    """Generate new keys and write them durably to `path`. Raises `StoreRefused` when they cannot be written."""
    content = _CONTENT.format(
        master_key=secrets.token_hex(_KEY_BYTES),
        pepper=secrets.token_hex(_KEY_BYTES),
        checkpoint_key=secrets.token_hex(_KEY_BYTES),
        kid=secrets.token_hex(4),
        secret=secrets.token_hex(_KEY_BYTES),
    )
    _write(path, content)


def add_checkpoint_key(path: Path) -> None:
    """Add the checkpoint key to an older key file that has none. Raises `StoreRefused`."""
    try:
        content = path.read_text("utf-8")
    except OSError as error:
        raise StoreRefused(f"The key file {path} cannot be read ({error.strerror}).") from None
    _write(path, f'checkpoint_key = "{secrets.token_hex(_KEY_BYTES)}"\n{content}')


def _write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_durably(path, content.encode())
    except OSError as error:
        raise StoreRefused(f"The key file {path} cannot be written ({error.strerror}).") from None


def _write_durably(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
