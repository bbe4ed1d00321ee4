"""One response of the OEM, and the values of the placeholders in a definition's expressions. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec
from yarl import URL

from keyturn.connectors.oem_http.definition.queries import NO_VALUES, Query, Values


class Answer(msgspec.Struct, frozen=True):
    """One whole response; unknown parts have their default."""

    document: Any = None
    """Its body as JSON; None where it is not JSON."""
    values: Values = NO_VALUES
    status: int | None = None
    headers: Mapping[str, str] = {}
    """By lower-case name."""
    url: URL | None = None
    """URL of the request; relative URLs are resolved against it."""
    empty: bool = False
    """Whether there was no body."""

    def at(self, query: Query | None) -> Any:
        return query.of(self.document, self.values) if query else None

    def header(self, name: str | None) -> str | None:
        return self.headers.get(name.lower()) if name else None

    def part(self, query: Query) -> "Answer":
        """The response with what the expression finds as its document."""
        return msgspec.structs.replace(self, document=self.at(query))

    def with_values(self, more: Values) -> "Answer":
        return msgspec.structs.replace(self, values={**self.values, **more})

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def decode_json(body: bytes) -> Any:
    """A body as JSON; None when it is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
