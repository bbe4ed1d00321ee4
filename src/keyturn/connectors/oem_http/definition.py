"""A definition: one TOML document that describes an OEM's cloud."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Annotated, Any

from msgspec import Meta, field
from yarl import URL

from keyturn.connectors.oem_http.document import Parsers, typed
from keyturn.connectors.oem_http.notation import Body, NamedQuery, Query, Template, parse_address, parse_zone
from keyturn.connectors.oem_http.sections import (
    Accepted,
    AnswerRule,
    Asking,
    Auth,
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
    Table,
    Times,
    Wait,
)  # fmt: skip


class Definition(Table, frozen=True, kw_only=True):
    """One OEM's cloud."""

    mode: Mode
    base_url: URL | None = None
    trusted_origins: tuple[URL, ...] = ()
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
            if (command.mode or self.mode) == "operation":
                self._check_operations(command)

    def _check_operations(self, command: Command) -> None:
        if (command.result or self.result).state is None:
            raise ValueError("result.state must be given in mode operation")
        if not (self.accepted.url or (self.accepted.id and self.status.path)):
            raise ValueError("mode operation needs accepted.url, or accepted.id with status.path")

    def call_for(self, name: str) -> Sending:
        """How the command `name` is sent: [send] with what [commands.<name>] says instead."""
        command = self.commands[name]
        return Sending(
            method=command.method or self.send.method,
            path=command.path or self.send.path,
            headers={**self.send.headers, **command.headers},
            body=command.body or self.send.body,
            idempotency_header=self.send.idempotency_header,
        )


_PARSERS: Parsers = {
    Query: Query,
    NamedQuery: NamedQuery,
    Template: Template,
    Body: Body,
    tzinfo: parse_zone,
    URL: parse_address,
}


def parse_definition(document: Mapping[str, Any]) -> Definition:
    """A definition from its TOML document. Raises `DefinitionError`."""
    return typed(dict(document), Definition, _PARSERS)
