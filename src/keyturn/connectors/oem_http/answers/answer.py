"""What one answer said, and the values that placeholders in a definition's expressions stand for. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec
from yarl import URL

from keyturn.connectors.oem_http.definition.queries import NO_VALUES, Query, Values


class Answer(msgspec.Struct, frozen=True):
    """One whole answer; what is not known of it is left out."""

    document: Any = None
    """Its JSON; None where it is not JSON."""
    values: Values = NO_VALUES
    status: int | None = None
    headers: Mapping[str, str] = {}
    """By their lower-case names."""
    url: URL | None = None
    """The request's, which relative URLs start from."""
    empty: bool = False
    """There was no body."""

    def at(self, query: Query | None) -> Any:
        return query.of(self.document, self.values) if query else None

    def header(self, name: str | None) -> str | None:
        return self.headers.get(name.lower()) if name else None

    def part(self, query: Query) -> "Answer":
        """As if the answer were what the expression finds in it."""
        return msgspec.structs.replace(self, document=self.at(query))

    def with_values(self, more: Values) -> "Answer":
        return msgspec.structs.replace(self, values={**self.values, **more})

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def decode_json(body: bytes) -> Any:
    """The JSON of an answer; None when it is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
