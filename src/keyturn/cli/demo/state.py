"""State of a demo in its data directory, so that the next start continues with it."""

import os
import secrets
from pathlib import Path

import msgspec

from keyturn.cli.failure import Exit, Failure
from keyturn.private_files import sync_directory
from keyturn.store.data_directory import make_directory
from keyturn_client import KeyturnClient, Token

FILE_NAME = "demo.json"


class Credentials(msgspec.Struct, frozen=True):
    """The application of one company, with its secrets in clear text, as only a demo may store them."""

    name: str
    """Name of the company."""
    client_id: str
    client_secret: str
    sign_secret: str
    token: Token | None = None

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r})"


class DemoState(msgspec.Struct, frozen=True):
    """The content of ``demo.json``: what the demo printed when it was ready."""

    url: str
    oem_url: str
    vehicles: int
    """Number of ordinary vehicles."""
    companies: list[Credentials]


def load_state(directory: Path) -> DemoState | None:
    """The saved state; None where no demo was ready yet. Raises `Failure` where the file cannot be read."""
    path = directory / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=DemoState)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failure(Exit.UNREACHABLE, "demo_refused", f"{path} cannot be read: {error.strerror}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Failure(Exit.UNREACHABLE, "demo_refused", f"{path} is damaged; start on an empty directory.") from None


def save_state(directory: Path, state: DemoState) -> None:
    """Save it durably, readable by the owner alone; a crash leaves the old content or the new."""
    make_directory(directory)
    path = directory / FILE_NAME
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(directory)


def client_of(url: str, company: Credentials) -> KeyturnClient:
    """A client that calls as the company's application."""
    return KeyturnClient(url, company.client_id, company.client_secret, company.sign_secret, token=company.token)
