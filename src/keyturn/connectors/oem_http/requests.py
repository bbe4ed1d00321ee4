"""From a definition's tables to a request that is ready for the wire. Pure."""

from typing import Any

import msgspec
from yarl import URL

from keyturn.clock import SECOND, iso_time
from keyturn.connectors.oem_http.definition import Definition
from keyturn.connectors.oem_http.notation import PlaceholderError, Values
from keyturn.connectors.oem_http.sections import Asking, Call, Cancel, LookUp, Sending, State
from keyturn.connectors.port import Operation, Order, Target

LONGEST_URL = 2048

Question = Asking | LookUp | Cancel | State


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, without its token."""

    method: str
    url: URL
    headers: dict[str, str] = {}
    body: bytes | None = None

    @property
    def line(self) -> str:
        """Method, path and query, for the record."""
        return f"{self.method} {self.url.raw_path_qs}"

    def with_header(self, name: str, value: str) -> "Request":
        return msgspec.structs.replace(self, headers={**self.headers, name: value})


class Requests:
    """Writes the requests of one definition."""

    def __init__(self, definition: Definition, base_url: URL) -> None:
        self._definition = definition
        self._sendings = {name: definition.call_for(name) for name in definition.commands}
        self._base_url = base_url
        self._base = str(base_url).rstrip("/")
        self._origins = frozenset(url.origin() for url in (base_url, *definition.trusted_origins))

    def send(self, order: Order) -> Request:
        """Raises `PlaceholderError` when a value is missing."""
        call = self._sendings[order.name]
        request = self._written(call, self._sending_values(order))
        header = call.idempotency_header
        return request.with_header(header, order.command_id) if header else request

    def ask(self, target: Target, operation: Operation) -> Request | None:
        """At the operation's own URL where it may be used, else by the template; None where neither serves."""
        values = {**_vehicle_values(target), **_operation_values(operation)}
        return self._written_if_possible(self._definition.status, values, self.usable_url(operation.url))

    def look_up(self, target: Target, name: str, command_id: str) -> Request | None:
        values = {**_vehicle_values(target), "command.id": command_id, "command.name": self._called(name)}
        return self._written_if_possible(self._definition.look_up, values)

    def cancel(self, target: Target, operation: Operation) -> Request | None:
        call = self._definition.cancel
        values = {**_vehicle_values(target), **_operation_values(operation)}
        url = None if call is None or call.path else self.usable_url(operation.url)
        return self._written_if_possible(call, values, url)

    def read_state(self, target: Target) -> Request | None:
        return self._written_if_possible(self._definition.state, _vehicle_values(target))

    def token(self, path: str, body: bytes, headers: dict[str, str]) -> Request:
        return Request("POST", self.below_base(path) if path.startswith("/") else URL(path), headers, body)

    def usable_url(self, raw: Any) -> URL | None:
        """An OEM's own URL, made absolute; None unless its origin is the connector's or one listed."""
        if not isinstance(raw, str) or not 0 < len(raw) <= LONGEST_URL:
            return None
        try:
            url = self._base_url.join(URL(raw)).with_fragment(None)
            trusted = url.origin() in self._origins
        except ValueError:
            return None
        return url if trusted and not (url.user or url.password) else None

    def below_base(self, path: str) -> URL:
        return URL(self._base + path, encoded=True)

    def _written_if_possible(self, call: Question | None, values: Values, url: URL | None = None) -> Request | None:
        try:
            return self._written(call, values, url) if call else None
        except PlaceholderError:
            return None

    def _written(self, call: Sending | Question, values: Values, url: URL | None = None) -> Request:
        headers = {name: template.plain(values) for name, template in call.headers.items()}
        if call.body is None:
            return Request(call.method, url or self._address(call, values), headers)
        typed = {"Content-Type": "application/json", **headers}
        return Request(call.method, url or self._address(call, values), typed, call.body.filled(values))

    def _address(self, call: Call, values: Values) -> URL:
        if call.path is None:
            raise PlaceholderError("no usable URL, and no path to make one from")
        return self.below_base(call.path.in_url(values))

    def _sending_values(self, order: Order) -> Values:
        return {
            **_vehicle_values(order.target),
            "command.id": order.command_id,
            "command.name": self._called(order.name),
            "command.expires_at": iso_time(order.expires_at),
            "command.expires_at_s": order.expires_at // SECOND,
            "command.expires_at_ms": order.expires_at * 1000 // SECOND,
        }

    def _called(self, name: str) -> str:
        command = self._definition.commands.get(name)
        return (command.name if command else None) or name


def _vehicle_values(target: Target) -> dict[str, str | int]:
    credentials = {f"account.{key}": value for key, value in target.account.credentials.items()}
    return {**credentials, "vehicle.vin": target.vin, "vehicle.external_id": target.external_id}


def _operation_values(operation: Operation) -> dict[str, str | int]:
    return {"operation.id": operation.id} if operation.id else {}
