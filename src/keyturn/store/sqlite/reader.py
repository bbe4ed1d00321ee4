"""Runs reads in the event loop's thread; a point read takes less time than a switch to another thread."""

from collections.abc import Callable
from typing import TypeVar

import apsw

from keyturn.store.port import ReadTx, StoreUnavailable
from keyturn.store.sqlite.transaction import SqliteReadTx, ends_transaction, for_caller
from keyturn.timekeeping import Moment

T = TypeVar("T")


class Reader:
    """Owns the reading connection. A snapshot lasts one call, so WAL checkpoints never wait for long."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.failing = False
        """Whether the last read failed."""

    def run(self, work: Callable[[ReadTx], T], read_clock: Callable[[], Moment]) -> T:
        """The result of `work`. Raises its exception, or StoreUnavailable if the file cannot be read."""
        tx = SqliteReadTx(self._connection, read_clock)
        try:
            self._connection.execute("BEGIN")
            result = work(tx)
        except apsw.Error as error:
            if ends_transaction(error):
                self.failing = True
                raise StoreUnavailable(f"The store cannot read: {error}.") from error
            raise for_caller(error) from error
        else:
            self.failing = False
            return result
        finally:
            tx.end()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()
