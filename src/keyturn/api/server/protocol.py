"""HTTP/1.1 connection with limits on size, time and number.

What never reaches the application is answered here, as JSON and with a request id: malformed HTTP (400), slow senders
(408), large bodies (413) and headers (431), and connections beyond the limit (503).
"""

import asyncio

import httptools

from keyturn.api.client_address import ClientAddresses
from keyturn.api.request import request_id
from keyturn.api.responses import refusal_response
from keyturn.api.server.connection_limits import ConnectionLimits, ConnectionSlot
from keyturn.api.server.phases import Limits, Phase, PhaseTracker
from keyturn.api.server.transport import BufferedTransport
from keyturn.api.server.uvicorn_connection import ListenerConfig, ListenerState, UvicornConnection
from keyturn.errors import InvalidHttp, Refusal, ServiceUnavailable
from keyturn.telemetry.metrics import Metrics

MAX_PIPELINED = 100
"""Requests of one connection that wait behind another: what arrives in one read can be thousands."""
LINGER_SECONDS = 2.0
"""For how long a closing connection still reads what its client is sending."""


class HttpProtocol(UvicornConnection):
    """One connection. `acquired`: it has its slot of the connection limits already."""

    def __init__(
        self,
        config: ListenerConfig,
        state: ListenerState,
        phase_limits: Limits,
        addresses: ClientAddresses,
        connection_limits: ConnectionLimits,
        metrics: Metrics,
        *,
        acquired: bool = False,
    ) -> None:
        super().__init__(config, state)
        self._head_limits = phase_limits[Phase.HEAD]
        self._phases = PhaseTracker(phase_limits, self.loop, self._refuse, self._is_behind_another)
        self._addresses = addresses
        self._connection_limits = connection_limits
        self._acquired = acquired
        self._metrics = metrics
        self._read_size = 0
        self._final_response: bytes | None = None
        """The refusal that is sent after the responses to earlier requests."""
        self.closed = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrowed by uvicorn
        super().connection_made(transport)
        self._responses = BufferedTransport(transport, self.loop, self._close_gracefully)
        address = self._addresses.limited_peer(transport.get_extra_info("peername"))
        self._slot = ConnectionSlot(self._connection_limits, address, acquired=self._acquired)
        if self._slot.acquire():
            self.start_keep_alive_timer()
        else:
            self._reject()

    def connection_lost(self, exc: Exception | None) -> None:
        self._phases.enter(Phase.CLOSING)
        self.stop_keep_alive_timer()
        super().connection_lost(exc)
        self._slot.release()
        self.closed.set_result(None)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn never keeps a half-closed connection
        """A client that closed its sending side alone still receives its responses."""
        self._responses.flush()
        if self._phases.is_in_request:
            self._refuse(InvalidHttp())
        if self._phases.phase is Phase.CLOSING:
            return self._final_response is not None and self.can_half_close
        if not self.is_responding:
            return False
        self.close_after_response()
        return self.can_half_close

    def shutdown(self) -> None:
        """Close now, or after the responses that are due."""
        self._responses.flush()
        if self._final_response is None:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._phases.phase is Phase.CLOSING:
            return
        self._read_size = len(data)
        self._phases.size += len(data)
        try:
            self.parse(memoryview(data))
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Refusal) else InvalidHttp())
        except Refusal as refusal:
            self._refuse(refusal)
        else:
            self._phases.enforce()

    def restart_parser(self) -> None:
        self._phases.enter(Phase.BETWEEN)
        super().restart_parser()

    def on_message_begin(self) -> None:
        self.stop_keep_alive_timer()
        self._phases.enter(Phase.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        limit = self._head_limits.size
        may_exceed = self._phases.size or self._read_size > limit
        if may_exceed and self.head_size() > limit:
            raise self._head_limits.too_large
        if self.asks_for_upgrade:
            return
        if self.waiting_requests >= MAX_PIPELINED:
            raise ServiceUnavailable(retry_after=1)
        self._count_forwarded_client()
        self.dispatch_request(self._responses)
        self._phases.enter(Phase.BODY)

    def on_body(self, body: bytes) -> None:
        self._phases.size -= len(body)  # the application limits the body, the connection what surrounds it
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.asks_for_upgrade:
            return
        super().on_message_complete()
        self._phases.enter(Phase.BETWEEN)

    def on_response_complete(self) -> None:
        was_last = not self.waiting_requests
        self._slot.release_forwarded()
        super().on_response_complete()
        if was_last and self._final_response is not None:
            self._send_final_response()

    def _count_forwarded_client(self) -> None:
        """A trusted proxy's connection carries requests of many clients; each has the limit of one address.

        Raises `ServiceUnavailable`.
        """
        if self._slot.address is not None or self.client is None:
            return
        forwarded = self.received_headers().get(b"x-forwarded-for", b"").decode("latin-1")
        client = self._addresses.limited_client(self.client[0], forwarded)
        if client is not None and not self._slot.acquire_forwarded(client):
            raise ServiceUnavailable(retry_after=1)

    def _reject(self) -> None:
        """Answer 503 to a connection beyond the limit; abort it where too many rejected ones linger already."""
        self.leave_listener()
        if self._slot.linger():
            self._refuse(ServiceUnavailable(retry_after=1))
        else:
            self._phases.phase = Phase.CLOSING
            self.transport.abort()

    def _is_behind_another(self) -> bool:
        """Whether a request before the one being received still waits for its response."""
        return self.waiting_requests > 0 if self._phases.phase is Phase.BODY else self.is_responding

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that will never be complete, after those before it, and close the connection."""
        behind_another = self._is_behind_another()
        self._final_response = self._rendered(refusal)
        self._metrics.observe_request("connection", refusal.http_status, 0.0)
        if self._phases.phase is Phase.BODY and self.abandon_request():
            self._final_response = None
        self._phases.enter(Phase.CLOSING)
        if not behind_another:
            self._send_final_response()

    def _send_final_response(self) -> None:
        if self._final_response is not None:
            self._responses.write(self._final_response)
        self._close_gracefully()

    def _rendered(self, refusal: Refusal) -> bytes:
        response = refusal_response(refusal)
        received = self.received_headers() if self._phases.is_in_request else {}
        fields = [*response.fields(), (b"x-request-id", request_id(received)), (b"connection", b"close")]
        return self.render(response.status, fields, response.body)

    def _close_gracefully(self) -> None:
        """Close once the client stops sending: closing on unread bytes resets the connection and loses the response."""
        self._responses.flush()
        self.abandon_waiting_requests()
        self._final_response = None
        self.stop_keep_alive_timer()
        if self._phases.phase is Phase.BETWEEN or self.transport.is_closing():
            self.transport.close()
            return
        self._phases.enter(Phase.CLOSING)
        self.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._phases.set_deadline(LINGER_SECONDS, self.transport.close)
