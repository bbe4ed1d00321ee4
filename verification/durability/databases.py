"""Images of a data directory, opened as SQLite would after the power came back."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from verification.durability.disk import Image

_DATABASE = "keyturn.db"
_MEMORY = Path("/dev/shm")
"""Images are many and live for milliseconds."""


@contextmanager
def opened(image: Image) -> Iterator[sqlite3.Connection]:
    """The image's database; its log is recovered. Raises sqlite3.Error where nothing can be read."""
    with tempfile.TemporaryDirectory(prefix="durability-", dir=_MEMORY if _MEMORY.is_dir() else None) as home:
        written = write(image, Path(home), only=_DATABASE)
        uri = f"{(written / _DATABASE).as_uri()}?mode=ro"  # one that may write copies the log to the file in the end
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            yield connection


def write(image: Image, directory: Path, only: str = "") -> Path:
    """Put the image's files, those whose names begin with `only`, into the directory, for their owner alone."""
    for name, content in image.items():
        if name.startswith(only):
            (directory / name).write_bytes(content)
            (directory / name).chmod(0o600)
    return directory


def damage(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the file."""
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found
