"""Prometheus metrics in a registry of their own, and the measurement of the event loop's lag."""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LAG_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_BATCH_UNITS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """Counters, gauges and histograms; label values come from closed tables only."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "keyturn_http_requests", "HTTP requests answered.", ("route", "code"), registry=registry
        )
        self._durations = Histogram(
            "keyturn_http_request_seconds",
            "Time to answer an HTTP request.",
            ("route",),
            registry=registry,
            buckets=_REQUEST_SECONDS,
        )
        self._refused_connections = Counter(
            "keyturn_connections_refused",
            "Connections, or requests of one that a proxy names, for which there was no place.",
            ("bound",),
            registry=registry,
        )
        self._final = Counter(
            "keyturn_commands_final", "Commands that became final.", ("command", "state"), registry=registry
        )
        self._open = Gauge("keyturn_commands_open", "Commands not final yet.", ("state",), registry=registry)
        self._batches = Histogram(
            "keyturn_store_batch_units", "Units of work in one commit.", registry=registry, buckets=_BATCH_UNITS
        )
        self._lag = Histogram(
            "keyturn_event_loop_lag_seconds", "How late the event loop runs.", registry=registry, buckets=_LAG_SECONDS
        )
        self._longest = 0.0
        Gauge(
            "keyturn_event_loop_longest_lag_seconds",
            "How late the event loop ran at most since the last scrape: its longest turn.",
            registry=registry,
        ).set_function(self._take_longest)
        self._alerts_unsent = Gauge(
            "keyturn_alerts_unsent", "Alerts not delivered yet.", ("channel",), registry=registry
        )
        self._alerts = Counter(
            "keyturn_alerts", "Attempts to deliver an alert.", ("channel", "result"), registry=registry
        )
        self._silent = Counter(
            "keyturn_oem_silent",
            "Exchanges with an OEM that brought nothing, by what was asked and the class of the answer's status.",
            ("connector", "about", "status"),
            registry=registry,
        )
        self._bound: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._final_bound: dict[tuple[str, str], Counter] = {}

    def observe_request(self, route: str, code: int, seconds: float) -> None:
        """A response of the route template `route`, or of the connection before a route is known."""
        bound = self._bound.get((route, code))
        if bound is None:
            bound = self._requests.labels(route, str(code)), self._durations.labels(route)
            self._bound[route, code] = bound
        requests, durations = bound
        requests.inc()
        durations.observe(seconds)

    def count_refused_connection(self, bound: str) -> None:
        """A connection limit was reached: that on ``all`` connections, or that on one ``address``."""
        self._refused_connections.labels(bound).inc()

    def count_final(self, command: str, state: str) -> None:
        """A command became final."""
        counter = self._final_bound.get((command, state))
        if counter is None:
            counter = self._final_bound[command, state] = self._final.labels(command, state)
        counter.inc()

    def count_unanswered(self, connector: str, about: str, status: str) -> None:
        """A state read or a status query gave no result; `status`: ``none``, ``2xx`` to ``5xx``."""
        self._silent.labels(connector, about, status).inc()

    def set_open(self, state: str, count: int) -> None:
        """Number of commands in a state that is not final."""
        self._open.labels(state).set(count)

    def observe_batch(self, units: int) -> None:
        """The store committed `units` units of work at once."""
        self._batches.observe(units)

    def observe_lag(self, seconds: float) -> None:
        """The event loop ran a timer `seconds` late."""
        self._lag.observe(seconds)
        self._longest = max(self._longest, seconds)

    def _take_longest(self) -> float:
        longest, self._longest = self._longest, 0.0
        return longest

    def set_alerts_unsent(self, channel: str, count: int) -> None:
        """Number of alerts in a channel's outbox."""
        self._alerts_unsent.labels(channel).set(count)

    def count_alert(self, channel: str, result: str) -> None:
        """An attempt to deliver an alert; `result`: ``sent`` or ``failed``."""
        self._alerts.labels(channel, result).inc()

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


INTERVAL = 0.02
"""Seconds between two measurements: a turn of the loop that takes longer than this makes at least one of them late."""


async def measure_loop_lag(observe: Callable[[float], None]) -> None:
    """Call `observe` with the loop's lag in seconds, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL
        await asyncio.sleep(INTERVAL)
        observe(max(0.0, loop.time() - due))
