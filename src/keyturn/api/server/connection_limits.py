"""How many connections there may be: altogether, of one address, and as the process has descriptors for."""

import resource
from collections import Counter
from pathlib import Path

import structlog

from keyturn.api.server.listeners import ListenRefused
from keyturn.config.settings import ServerSettings
from keyturn.telemetry.metrics import Metrics

MIN_CONNECTIONS = 32
"""A server that has descriptors for fewer connections does not start."""
MAX_LINGERING = 64
"""Refused connections that still read what their client sends; any further one is closed without an answer."""
_ENOUGH = 1 << 20
_UNKNOWN_IN_USE = 64


def available_connections(settings: ServerSettings) -> int:
    """How many connections there may be, once the soft limit of descriptors is as high as it is needed and may be.

    Raises `ListenRefused` where too few are left beside the reserve.
    """
    spoken_for = settings.descriptor_reserve + MAX_LINGERING + _in_use()
    limit = _raised(settings.max_connections + spoken_for)
    left = limit - spoken_for
    if left < min(MIN_CONNECTIONS, settings.max_connections):
        raise ListenRefused(
            f"The process may open {limit} files, and {spoken_for} are kept for OEMs, the store and itself: "
            f"raise the limit (ulimit -n, LimitNOFILE) to {settings.max_connections + spoken_for}."
        )
    if left < settings.max_connections:
        log = structlog.get_logger(__name__)
        log.warning("fewer connections than configured: the limit of open files is too low", connections=left)
    return min(left, settings.max_connections)


def _raised(wanted: int) -> int:
    """The soft limit of descriptors, raised to `wanted` or as near as the hard one allows."""
    soft, hard = (_ENOUGH if limit == resource.RLIM_INFINITY else limit for limit in _limits())
    if soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), _limits()[1]))
    except (OSError, ValueError):
        return soft
    return min(wanted, hard)


def _limits() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def _in_use() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return _UNKNOWN_IN_USE


class ConnectionLimits:
    """Counts connections; `most` of them altogether, `of_one` of one address. An address of None has no bound."""

    def __init__(self, most: int, of_one: int, metrics: Metrics) -> None:
        self._most = most
        self._of_one = of_one
        self._metrics = metrics
        self._count = 0
        self._by_address: Counter[str] = Counter()
        self._lingering = 0

    def enter(self, address: str | None) -> bool:
        """Take a place; False, and counted as refused, where there is none."""
        if self._count >= self._most:
            self._metrics.count_refused_connection("all")
            return False
        if not self.attribute(address):
            return False
        self._count += 1
        return True

    def leave(self, address: str | None) -> None:
        """Give a place back."""
        self._count -= 1
        self.release(address)

    def attribute(self, address: str | None) -> bool:
        """One more for this address alone, whose request came through a proxy; False where that is one too many."""
        if address is None:
            return True
        if self._by_address[address] >= self._of_one:
            self._metrics.count_refused_connection("address")
            return False
        self._by_address[address] += 1
        return True

    def release(self, address: str | None) -> None:
        """One less for this address."""
        if address is not None:
            self._by_address[address] -= 1
            if self._by_address[address] <= 0:
                del self._by_address[address]

    def linger(self) -> bool:
        """Whether one more refused connection may wait until its client has read the answer."""
        if self._lingering >= MAX_LINGERING:
            return False
        self._lingering += 1
        return True

    def lingered(self) -> None:
        self._lingering -= 1


def limit_per_address(settings: ServerSettings, most: int) -> int:
    """Connections of one address: as configured, else half of all."""
    return settings.max_connections_per_address or max(1, most // 2)
