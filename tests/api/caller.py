"""HTTP clients for the tests: a well-behaved one, and one that says whatever it likes on a raw socket."""

import http.client
import io
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

PATIENCE = 10.0


class Reply:
    """One response. Every response of the server carries a request id, so none can be made without."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        assert self.headers["x-request-id"]
        if self.status >= 400 and self.body:
            assert isinstance(self.json["detail"], str)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return str(self.json["detail"])


class Caller:
    """Asks one server, on a new connection each time."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body or None, headers or {})
            return Reply(connection.getresponse())

    def get(self, path: str, token: str = "right", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self("GET", path, headers={"Authorization": f"Bearer {token}", **named})

    def raw(self, *parts: bytes) -> list[Reply]:
        """Send the parts, one packet each, and read until the server closes."""
        with self.connected() as sock:
            for part in parts:
                sock.sendall(part)
            return read_replies(sock)

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield sock


def read_replies(sock: socket.socket) -> list[Reply]:
    """Every response until the server closes."""
    received = b"".join(iter(lambda: sock.recv(65536), b""))
    return list(_split(received))


def read_reply(sock: socket.socket) -> Reply:
    """One response on a connection that stays open."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    return Reply(response)


def _split(received: bytes) -> Iterator[Reply]:
    stream = _Open(received)
    while stream.tell() < len(received):
        response = http.client.HTTPResponse(cast("socket.socket", _Received(stream)))
        response.begin()
        yield Reply(response)


class _Open(io.BytesIO):
    def close(self) -> None:
        """Stay open: the next response is read from the same bytes."""


class _Received:
    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BytesIO:
        return self._stream
