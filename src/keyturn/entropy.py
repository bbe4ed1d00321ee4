"""Random bytes of the operating system, fetched in larger pieces: a system call for each id would double its cost."""

import os
import threading

_PIECE = 4096


class EntropyPool:
    """Gives bytes of the operating system's CSPRNG, none of them twice. For ids and salts; keys are drawn directly."""

    def __init__(self) -> None:
        self._piece = b""
        self._used = 0
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._discard)

    def __call__(self, count: int) -> bytes:
        """`count` bytes, at most 4096."""
        with self._lock:
            begin, self._used = self._used, self._used + count
            if self._used > len(self._piece):
                self._piece, begin, self._used = os.urandom(_PIECE), 0, count
            return self._piece[begin : self._used]

    def _discard(self) -> None:
        """A child process must not give what its parent gives."""
        self._piece, self._used, self._lock = b"", 0, threading.Lock()


random_bytes = EntropyPool()
