"""The HTTP/1.1 connection: uvicorn's parser with bounds on size, time and number.

What the application never sees is answered here, as JSON and with a request id: malformed HTTP (400), slow senders
(408), large headers (431), and connections beyond the limit (503).
"""

import asyncio
from collections import deque

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from keyturn.api.client_address import ClientAddresses
from keyturn.api.request import joined_headers, request_id
from keyturn.api.responses import refusal_response
from keyturn.api.server.connection_limits import ConnectionLimits
from keyturn.api.server.transport import BufferedTransport, Phase, PhaseLimits
from keyturn.errors import InvalidHttp, Refusal, ServiceUnavailable
from keyturn.telemetry.metrics import Metrics

MAX_PIPELINED = 100
"""Requests of one connection that wait behind another: what arrives in one read can be thousands."""
LINGER_SECONDS = 2.0
"""Seconds for which a closing connection still reads what its client is sending."""


class HttpProtocol(HttpToolsProtocol):
    """One connection. Each request's scope holds its uvicorn cycle as ``scope["state"]["incoming"]``."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        bounds: dict[Phase, PhaseLimits],
        addresses: ClientAddresses,
        admission: ConnectionLimits,
        metrics: Metrics,
        *,
        entered: bool = False,
    ) -> None:
        super().__init__(config, state, app_state={})
        self._bounds = bounds
        self._addresses = addresses
        self._admission = admission
        self._entered = entered
        self._lingers = False
        self._named: deque[str] = deque()
        """Clients that a trusted proxy named, of requests that wait for their answers."""
        self._metrics = metrics
        self._phase = Phase.BETWEEN
        self._phase_size = 0
        self._read_size = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._farewell: bytes | None = None
        self.closed = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrowed by uvicorn
        super().connection_made(transport)
        self._outlet = BufferedTransport(transport, self.loop, self._leave)
        self._address = self._addresses.bounded(transport.get_extra_info("peername"))
        if not self._entered and not self._admission.enter(self._address):
            self._turn_away()
            return
        self._entered = True
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(Phase.DEAF)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._give_back()
        self.closed.set_result(None)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn never keeps a half-closed connection
        """A client that closed its sending side alone still hears its answers (TLS knows no half-closed state)."""
        self._outlet.flush()
        if self._phase in self._bounds:
            self._refuse(InvalidHttp())
        if self._phase is Phase.DEAF:
            return self._farewell is not None and self.scheme == "http"
        if self.cycle is None or self.cycle.response_complete:
            return False
        self.cycle.keep_alive = False
        return self.scheme == "http"

    def shutdown(self) -> None:
        """Close now, or with the last answer that is owed."""
        self._outlet.flush()
        if self._farewell is None:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.DEAF:
            return
        self._read_size = len(data)
        self._phase_size += len(data)
        try:
            self._parse(memoryview(data))
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Refusal) else InvalidHttp())
        except Refusal as refusal:
            self._refuse(refusal)
        else:
            self._watch()

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self._enter(Phase.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        bounds = self._bounds[Phase.HEAD]
        if (self._phase_size or self._read_size > bounds.size) and self._head_size() > bounds.size:
            raise bounds.too_large
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ServiceUnavailable(retry_after=1)
        self._count_named()
        super().on_headers_complete()
        self._enter(Phase.BODY)
        self.headers = []  # trailers must not pass for headers
        self.scope["state"]["incoming"] = self.cycle
        self.cycle.transport = self._outlet

    def on_body(self, body: bytes) -> None:
        self._phase_size -= len(body)  # the application bounds the body, the connection what surrounds it
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._enter(Phase.BETWEEN)

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        if self._named:
            self._admission.release(self._named.popleft())
        super().on_response_complete()
        if was_last and self._farewell is not None:
            self._say_farewell()

    def _parse(self, data: memoryview) -> None:
        """Parse all of it; a request that asks for another protocol is parsed as if it did not."""
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            else:
                return
            head = self._head_without_upgrade()
            self.parser.feed_data(head)

    def _head_without_upgrade(self) -> bytes:
        """The head again, for a new parser (RFC 9110, 7.8); some clients always ask for another protocol."""
        if self.parser.get_method() == b"CONNECT":
            raise InvalidHttp
        version = self.parser.get_http_version().encode()
        fields = [name + b": " + value + b"\r\n" for name, value in self.headers if name != b"upgrade"]
        head = self.parser.get_method() + b" " + self.url + b" HTTP/" + version + b"\r\n" + b"".join(fields) + b"\r\n"
        self._enter(Phase.BETWEEN)
        self.parser = httptools.HttpRequestParser(self)
        return head

    def _count_named(self) -> None:
        """A trusted proxy's connection carries requests of many clients, each of which has the bound of an address."""
        if self._address is not None or self.client is None:
            return
        forwarded = joined_headers(self.headers).get(b"x-forwarded-for", b"").decode("latin-1")
        name = self._addresses.named(self.client[0], forwarded)
        if not forwarded or self._addresses.bounded((name.partition("/")[0], 0)) is None:
            return
        if not self._admission.attribute(name):
            raise ServiceUnavailable(retry_after=1)
        self._named.append(name)

    def _turn_away(self) -> None:
        """There is no place: say so, unless so many hear it now that they take the places of others."""
        self.connections.discard(self)
        if self._admission.linger():
            self._lingers = True
            self._refuse(ServiceUnavailable(retry_after=1))
        else:
            self._phase = Phase.DEAF
            self.transport.abort()

    def _give_back(self) -> None:
        if self._entered:
            self._admission.leave(self._address)
        if self._lingers:
            self._admission.lingered()
        while self._named:
            self._admission.release(self._named.popleft())

    def _enter(self, phase: Phase) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._phase = phase
        self._phase_size = 0

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)

    def _watch(self) -> None:
        """Bound what is still to come of the phase that the read ended in."""
        bounds = self._bounds.get(self._phase)
        if bounds is None:
            return
        if self._phase_size > bounds.size:
            self._refuse(bounds.too_large())
        elif self._deadline is None:
            self._deadline = self.loop.call_later(bounds.seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self._is_behind_another():
            self._watch()  # reading was paused for the other, so the client is not to blame
        else:
            self._refuse(self._bounds[self._phase].too_slow())

    def _is_behind_another(self) -> bool:
        """Whether a request before the one being received still waits for its answer."""
        if self._phase is Phase.BODY:
            return bool(self.pipeline)
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that will never be complete, after those before it, and be done with this client."""
        behind_another = self._is_behind_another()
        self._farewell = self._rendered(refusal)
        self._metrics.observe_request("connection", refusal.http_status, 0.0)
        if self._phase is Phase.BODY:
            self._abandon_cycle()
        self._enter(Phase.DEAF)
        if not behind_another:
            self._say_farewell()

    def _abandon_cycle(self) -> None:
        if self.pipeline:
            self.pipeline.popleft()
            return
        if self.cycle.response_started:
            self._farewell = None
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _say_farewell(self) -> None:
        if self._farewell is not None:
            self._outlet.write(self._farewell)
        self._leave()

    def _rendered(self, refusal: Refusal) -> bytes:
        answer = refusal_response(refusal)
        sent = self.scope["headers"] if self._phase in self._bounds else ()
        fields = self.server_state.default_headers + answer.fields()
        fields += [(b"x-request-id", request_id(joined_headers(sent))), (b"connection", b"close")]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        return STATUS_LINE[answer.status] + head + b"\r\n" + answer.body

    def _leave(self) -> None:
        """Close once the client stops sending: closing on unread bytes resets the connection and loses the answer."""
        self._outlet.flush()
        self.pipeline.clear()
        self._farewell = None
        self._unset_keepalive_if_required()
        if self._phase is Phase.BETWEEN or self.transport.is_closing():
            self.transport.close()
            return
        self._enter(Phase.DEAF)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.close)
