"""A definition: one TOML document that describes an OEM's HTTP API. Pure.

Parsing checks every key, and that each placeholder has a value where it is used.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field, structs
from yarl import URL

from keyturn.connectors.oem_http.definition.auth import Auth
from keyturn.connectors.oem_http.definition.document import Parsers, Table, typed
from keyturn.connectors.oem_http.definition.queries import (
    COMMAND,
    OPERATION,
    SENDING,
    VEHICLE,
    NamedQuery,
    Query,
    no_value_here,
    parse_address,
    parse_zone,
)
from keyturn.connectors.oem_http.definition.sections import (  # fmt: skip
    Accepted,
    AnswerRule,
    Asking,
    Cancel,
    Command,
    CommandName,
    Declared,
    Duration,
    ErrorMeaning,
    LookUp,
    Mode,
    Result,
    Sending,
    State,
    Wait,
)
from keyturn.connectors.oem_http.definition.templates import Body, Template, merge_headers
from keyturn.connectors.oem_http.definition.times import NamedTimeQuery, TimeQuery, Times, parse_time_query


class Definition(Table, frozen=True, kw_only=True):
    """The whole document; docs/connectors.md explains each key."""

    mode: Mode
    base_url: URL | None = None
    trusted_origins: tuple[URL, ...] = ()
    external_ids: Literal["connector", "account"] = "connector"
    """Where an external id is unique: in the whole connector, or in each account."""
    timeout: Duration = 30.0
    keep_alive: Wait = 15.0
    connections: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    client_certificate: str | None = None
    client_key: str | None = None
    declares: Declared = Declared()
    auth: Auth = Auth()
    send: Sending = Sending()
    commands: dict[CommandName, Command]
    accepted: Accepted = Accepted()
    status: Asking = Asking()
    result: Result = Result()
    look_up: LookUp | None = None
    cancel: Cancel | None = None
    state: State | None = None
    times: Times = Times()
    answers: tuple[AnswerRule, ...] = ()
    errors: dict[str, ErrorMeaning] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.commands:
            raise ValueError("commands must list at least one command")
        for name, command in self.commands.items():
            if self.call_for(name).path is None:
                raise ValueError(f"commands.{name} has no path, and [send] has none for it")
            if self.mode_of(name) == "operation":
                self._check_operations(command)
        for problem in misplaced(self._expressions()):
            raise ValueError(problem)

    def mode_of(self, name: str) -> Mode:
        return self.commands[name].mode or self.mode

    def _check_operations(self, command: Command) -> None:
        accepted, result = self.accepted, command.result or self.result
        if result.state is None and not result.succeeded_by_status:
            raise ValueError("result.state must be given in mode operation, or result.succeeded_by_status")
        named = accepted.id or accepted.id_header
        if not (accepted.url or accepted.url_header or (named and self.status.path)):
            raise ValueError("mode operation needs accepted.url, or accepted.id with status.path (or their headers)")

    def _expressions(self) -> list[tuple[str, object, frozenset[str]]]:
        """(key, table, placeholders that have a value there) of everything that holds expressions."""
        named = bool(self.accepted.id or self.accepted.id_header)
        operation = OPERATION if named else VEHICLE
        found = COMMAND | operation if self.look_up else VEHICLE
        results = {"operation": operation | {"command.name"} | found, "sync": SENDING | found}
        own = [
            (f"commands.{name}.{key}", part, results[self.mode_of(name)])
            for name, command in self.commands.items()
            for key, part in (("result", command.result), ("data", command.data))
        ]
        return [
            ("accepted", structs.replace(self.accepted, state=None), SENDING),
            ("accepted.state", self.accepted.state, SENDING | operation),
            ("result", self.result, VEHICLE.union(*(results[self.mode_of(name)] for name in self.commands))),
            ("look_up", self.look_up, COMMAND),
            ("cancel", self.cancel, operation),
            ("state", self.state, VEHICLE),
            *own,
        ]

    def call_for(self, name: str) -> Sending:
        """How the command `name` is sent: [send], overridden by [commands.<name>]."""
        command = self.commands[name]
        return Sending(
            method=command.method or self.send.method,
            path=command.path or self.send.path,
            headers=merge_headers(self.send.headers, command.headers),
            body=command.body or self.send.body,
            idempotency_header=self.send.idempotency_header,
        )


_PARSERS: Parsers = {
    Query: Query,
    NamedQuery: NamedQuery,
    TimeQuery: parse_time_query,
    NamedTimeQuery: NamedTimeQuery,
    Template: Template,
    Body: Body,
    tzinfo: parse_zone,
    URL: parse_address,
}


def parse_definition(document: Mapping[str, Any]) -> Definition:
    """A definition from its TOML document. Raises `DefinitionError`."""
    return typed(dict(document), Definition, _PARSERS)


def misplaced(tables: Iterable[tuple[str, object, frozenset[str]]]) -> Iterator[str]:
    """One sentence for each placeholder without a value; `tables` as `Definition._expressions` gives them."""
    for where, table, offered in tables:
        for key, names in _expressions(table, where):
            yield from (f"{key}: {problem}" for name in sorted(names) if (problem := no_value_here(name, offered)))


def _expressions(part: object, where: str) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(part, Query | NamedQuery | TimeQuery | NamedTimeQuery):
        yield where, part.names
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _expressions(getattr(part, name), f"{where}.{name}")
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from _expressions(inner, f"{where}.{name}")
    elif isinstance(part, tuple):
        for inner in part:
            yield from _expressions(inner, where)
