"""A load generator: raw HTTP/1.1, requests made beforehand, one closed loop for each keep-alive connection."""

import asyncio
import gc
import time
from collections.abc import Iterator
from typing import NamedTuple, cast

import uvloop

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_OK = b"HTTP/1.1 200 "


class Sample(NamedTuple):
    """One measurement. `rate` per second, times in milliseconds; `sent` counts the warm-up too."""

    rate: float
    p50: float
    p99: float
    sent: int


class UnexpectedAnswer(Exception):
    """An answer other than 200: what was measured would not be what the table says."""


class Client(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer to the last is complete."""

    def __init__(self, requests: Iterator[bytes], took: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._took = took
        self._received = b""
        self._expected = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._expected = self._expected or expected_length(self._received)
        if self._expected and len(self._received) >= self._expected:
            self._took.append(time.perf_counter() - self._sent_at)
            self._judge()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(UnexpectedAnswer("the server closed the connection"))

    def _judge(self) -> None:
        if not self._received.startswith(_OK):
            self.done.set_exception(UnexpectedAnswer(self._received[:400].decode(errors="replace")))
            self._transport.close()
            return
        self._received, self._expected = b"", 0
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def expected_length(received: bytes) -> int:
    """Bytes of the whole answer; 0 while its head is incomplete."""
    end = received.find(_END_OF_HEAD)
    if end < 0:
        return 0
    start = received.index(_LENGTH) + len(_LENGTH)
    return end + len(_END_OF_HEAD) + int(received[start : received.index(b"\r", start)])


def measure(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Sample:
    """Warm up for a fifth of `seconds`, then measure; ends early when `requests` does."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        return uvloop.run(_measure(port, requests, connections, seconds))
    finally:
        gc.enable()


async def _measure(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Sample:
    warm_up = await _drive(port, _until(requests, seconds / 5), connections)
    started = time.perf_counter()
    took = sorted(await _drive(port, _until(requests, seconds), connections))
    rate = len(took) / (time.perf_counter() - started)
    return Sample(rate, quantile(took, 0.5), quantile(took, 0.99), len(warm_up) + len(took))


def quantile(ordered: list[float], q: float) -> float:
    """Milliseconds, of ordered seconds."""
    return ordered[int(len(ordered) * q)] * 1e3


def _until(requests: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and (request := next(requests, None)) is not None:
        yield request


async def _drive(port: int, requests: Iterator[bytes], connections: int) -> list[float]:
    loop = asyncio.get_running_loop()
    took: list[float] = []
    clients: list[Client] = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: Client(requests, took), "127.0.0.1", port)
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    return took
