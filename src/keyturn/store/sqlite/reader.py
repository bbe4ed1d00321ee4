"""Reads, in the event loop's thread: a point read takes less time than handing it to another thread."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from keyturn.store.port import ReadTx, StoreUnavailable
from keyturn.store.sqlite.transaction import SqliteReadTx, ends_transaction
from keyturn.timekeeping import Moment

T = TypeVar("T")


class Reader:
    """Owns the reading connection. A read holds its snapshot for the length of one call, so checkpoints never wait."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.failing = False
        """The last read could not be done."""

    def run(self, work: Callable[[ReadTx], T], moment: Moment) -> T:
        """What `work` returns, or raises. Raises StoreUnavailable when the file cannot be read."""
        tx = SqliteReadTx(self._connection, moment)
        try:
            self._connection.execute("BEGIN")
            result = work(tx)
        except sqlite3.Error as error:
            if ends_transaction(error):
                self.failing = True
                raise StoreUnavailable(f"The store cannot read: {error}.") from error
            raise
        else:
            self.failing = False
            return result
        finally:
            tx.end()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()
