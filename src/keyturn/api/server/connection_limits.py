"""Limits on the number of connections: of all, of one client address, and by the process's file descriptors."""

import resource
from collections import Counter, deque
from pathlib import Path

import structlog

from keyturn.api.server.listeners import ListenRefused
from keyturn.config.settings import ServerSettings
from keyturn.telemetry.metrics import Metrics

MIN_CONNECTIONS = 32
"""A server that has descriptors for fewer connections does not start."""
MAX_LINGERING = 64
"""Rejected connections that still read what their client sends; any further one is closed without an answer."""
_UNLIMITED = 1 << 20
"""What counts as the limit where there is none."""
_UNKNOWN_IN_USE = 64


def available_connections(settings: ServerSettings) -> int:
    """How many connections the process has descriptors for; raises its soft limit as far as needed and allowed.

    Raises `ListenRefused` where too few are left beside the reserve.
    """
    reserved = settings.descriptor_reserve + MAX_LINGERING + _in_use()
    limit = _raise_soft_limit(settings.max_connections + reserved)
    left = limit - reserved
    if left < min(MIN_CONNECTIONS, settings.max_connections):
        raise ListenRefused(
            f"The process may open {limit} files, and {reserved} are kept for OEMs, the store and itself: "
            f"raise the limit (ulimit -n, LimitNOFILE) to {settings.max_connections + reserved}."
        )
    if left < settings.max_connections:
        log = structlog.get_logger(__name__)
        log.warning("fewer connections than configured: the limit of open files is too low", connections=left)
    return min(left, settings.max_connections)


def limit_per_address(settings: ServerSettings, total: int) -> int:
    """Connections of one address: as configured, else half of `total`."""
    return settings.max_connections_per_address or max(1, total // 2)


def _raise_soft_limit(wanted: int) -> int:
    """The soft limit of descriptors, raised to `wanted` or as near as the hard one allows."""
    soft, hard = (_UNLIMITED if limit == resource.RLIM_INFINITY else limit for limit in _limits())
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
    """Counts connections: at most `total`, and `per_address` of one address. An address of None has no limit."""

    def __init__(self, total: int, per_address: int, metrics: Metrics) -> None:
        self._total = total
        self._per_address = per_address
        self._metrics = metrics
        self._count = 0
        self._by_address: Counter[str] = Counter()
        self._lingering = 0

    def acquire(self, address: str | None) -> bool:
        """Take a slot; False, and counted as refused, where none is free."""
        if self._count >= self._total:
            self._metrics.count_refused_connection("all")
            return False
        if not self.acquire_address(address):
            return False
        self._count += 1
        return True

    def release(self, address: str | None) -> None:
        """Free a slot."""
        self._count -= 1
        self.release_address(address)

    def acquire_address(self, address: str | None) -> bool:
        """Count one more for this address alone; False, and counted as refused, where that is one too many."""
        if address is None:
            return True
        if self._by_address[address] >= self._per_address:
            self._metrics.count_refused_connection("address")
            return False
        self._by_address[address] += 1
        return True

    def release_address(self, address: str | None) -> None:
        """Count one less for this address."""
        if address is not None:
            self._by_address[address] -= 1
            if self._by_address[address] <= 0:
                del self._by_address[address]

    def start_lingering(self) -> bool:
        """Whether one more rejected connection may wait until its client has read the answer."""
        if self._lingering >= MAX_LINGERING:
            return False
        self._lingering += 1
        return True

    def stop_lingering(self) -> None:
        """A rejected connection is closed."""
        self._lingering -= 1


class ConnectionSlot:
    """What one connection holds of the limits: a slot for itself, and one for each request that a proxy forwarded.

    `address` is None for trusted proxies and local sockets. `acquired`: it has its own slot already.
    """

    def __init__(self, limits: ConnectionLimits, address: str | None, *, acquired: bool) -> None:
        self.address = address
        self._limits = limits
        self._acquired = acquired
        self._lingers = False
        self._forwarded: deque[str] = deque()
        """Clients of the requests that wait for their responses."""

    def acquire(self) -> bool:
        """Whether the connection has a slot."""
        self._acquired = self._acquired or self._limits.acquire(self.address)
        return self._acquired

    def linger(self) -> bool:
        """Whether this rejected connection may wait until its client has read the answer."""
        self._lingers = self._limits.start_lingering()
        return self._lingers

    def acquire_forwarded(self, client: str) -> bool:
        """Count a request against the client that a trusted proxy names."""
        if not self._limits.acquire_address(client):
            return False
        self._forwarded.append(client)
        return True

    def release_forwarded(self) -> None:
        """A response is complete: free the oldest request's slot, where it has one."""
        if self._forwarded:
            self._limits.release_address(self._forwarded.popleft())

    def release(self) -> None:
        """Free everything that the connection holds."""
        if self._acquired:
            self._limits.release(self.address)
        if self._lingers:
            self._limits.stop_lingering()
        while self._forwarded:
            self.release_forwarded()
