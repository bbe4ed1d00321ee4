"""The tables of a definition, key by key; docs/connectors.md explains each one.

Durations are seconds. A key that is absent has the default below.
"""

from datetime import datetime, tzinfo
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from keyturn.connectors.oem_http.notation import Body, NamedQuery, Query, Template, parse_address

_COMMANDS = (
    "location|diagnostics|lock_door|unlock_door|alert|cancel_alert|enable_ignition|disable_ignition|start|cancel_start"
)
CommandName = Annotated[str, Meta(pattern=f"^({_COMMANDS})$")]
Mode = Literal["operation", "sync"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Duration = Annotated[float, Meta(gt=0.0, le=86_400.0)]
Wait = Annotated[float, Meta(ge=0.0, le=86_400.0)]
HttpStatus = Annotated[int, Meta(ge=200, le=599)]
Precondition = Annotated[int, Meta(ge=1, le=13)]
Scalar = bool | int | float | str

_VEHICLE = frozenset({"vehicle.vin", "vehicle.external_id"})
_COMMAND = _VEHICLE | {"command.id", "command.name"}
_OPERATION = _VEHICLE | {"operation.id"}
_SENDING = _COMMAND | {"command.expires_at", "command.expires_at_s", "command.expires_at_ms"}


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; it knows its keys and no others."""


class Call(Table, frozen=True, kw_only=True):
    """How one kind of request is written."""

    offered: ClassVar[frozenset[str]]
    """The placeholders that have a value here."""
    path: Template | None = None
    headers: dict[str, Template] = {}
    body: Body | None = None

    def __post_init__(self) -> None:
        written = [part for part in (self.path, self.body, *self.headers.values()) if part]
        for name in sorted(name for part in written for name in part.names):
            if name not in self.offered and not name.startswith("account."):
                raise ValueError(f"{{{name}}} has no value here; allowed are {', '.join(sorted(self.offered))}")
        if self.path and not self.path.text.startswith("/"):
            raise ValueError("path must start with /")


class Field(Table, frozen=True, kw_only=True):
    """One signal or data point. What is absent is what the table's default expression says."""

    value: Query | None = None
    observed_at: Query | None = None
    as_of: Query | None = None
    flagged: Query | None = None
    values: dict[str, Scalar] = {}
    scale: float | None = None
    offset: float | None = None


class Sending(Call, frozen=True, kw_only=True):
    """[send]: how commands are sent, where [commands.<name>] says nothing else."""

    offered = _SENDING
    method: Method = "POST"
    idempotency_header: str | None = None


class Accepted(Table, frozen=True, kw_only=True):
    """[accepted]: where the first answer says how to ask further."""

    id: Query | None = None
    url: Query | None = None
    state: Query | None = None
    """Only where the first answer can be final: its words mean what they mean in [result]."""


class Asking(Call, frozen=True, kw_only=True):
    """[status]: how an operation is asked about where there is no URL for it."""

    offered = _OPERATION
    method: Method = "GET"


class Result(Table, frozen=True, kw_only=True):
    """[result]: how an answer about an operation is read."""

    state: Query | None = None
    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    completed_at: Query | None = None
    already_done: Query | None = None
    error_code: Query | None = None
    data: NamedQuery | None = None

    def __post_init__(self) -> None:
        if self.state and not self.succeeded:
            raise ValueError("succeeded must list at least one word of `state`")


class Command(Call, frozen=True, kw_only=True):
    """[commands.<name>]: one command that the OEM offers."""

    offered = _SENDING
    name: str | None = None
    """What the OEM calls it; stands for ``{command.name}``."""
    method: Method | None = None
    mode: Mode | None = None
    result: Result | None = None
    """Instead of [result], where this command's answers are read differently."""
    data: dict[str, Field] = {}
    """What a success carries, by the catalogue's names."""


class LookUp(Call, frozen=True, kw_only=True):
    """[look_up]: how a command is found by our id. `answer` makes the found one look like an answer to [status]."""

    offered = _COMMAND
    method: Method = "GET"
    path: Template
    answer: Query
    reference: Query | None = None


class Cancel(Call, frozen=True, kw_only=True):
    """[cancel]: how an operation is cancelled; at its status URL where there is no path."""

    offered = _OPERATION
    method: Method = "DELETE"
    answer: Query | None = None
    cancelled_by_status: tuple[HttpStatus, ...] = ()


class State(Call, frozen=True, kw_only=True):
    """[state]: what the OEM knows of a vehicle now."""

    offered = _VEHICLE
    method: Method = "GET"
    path: Template
    timeout: Duration = 3.0
    reachable: Query | None = None
    last_contact: Query | None = None
    value: NamedQuery | None = None
    observed_at: NamedQuery | None = None
    as_of: NamedQuery | None = None
    flagged: NamedQuery | None = None
    signals: dict[str, Field] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, field in self.signals.items():
            if not (field.value or self.value):
                raise ValueError(f"signals.{name} has no value, and there is no default for it")


class Times(Table, frozen=True, kw_only=True):
    """[times]: how the OEM's times are read, besides RFC 3339."""

    zone: tzinfo | None = None
    epoch: Literal["s", "ms"] = "s"
    pattern: str | None = None
    """strptime's, for times without an offset that are not ISO 8601."""

    def __post_init__(self) -> None:
        if self.pattern:
            datetime.strptime(datetime(2024, 5, 1, 7).strftime(self.pattern), self.pattern)


class AnswerRule(Table, frozen=True, kw_only=True):
    """[[answers]]: what an answer to the sending means, by HTTP status, error code, or both."""

    status: tuple[HttpStatus, ...] = ()
    code: tuple[str, ...] = ()
    means: Literal["not_taken", "already_done", "failed"]
    temporary: bool = False

    def __post_init__(self) -> None:
        if not (self.status or self.code):
            raise ValueError("status or code must be given")
        if any(300 <= status < 400 for status in self.status):
            raise ValueError("a 3xx answer may always have happened and cannot be listed")
        if self.means != "already_done" and not self.code and any(status < 300 for status in self.status):
            raise ValueError(f"a 2xx answer means {self.means} only together with a code")
        if self.temporary and self.means != "not_taken":
            raise ValueError("temporary goes with not_taken only")


class ErrorMeaning(Table, frozen=True, kw_only=True):
    """[errors.<code>]: what an error code of the OEM says of a command that was not done."""

    text: str | None = None
    preconditions: tuple[Precondition, ...] = ()
    already_done: bool = False
    cancelled: bool = False

    def __post_init__(self) -> None:
        meanings = (bool(self.preconditions), self.already_done, bool(self.text) or self.cancelled)
        if sum(meanings) != 1:
            raise ValueError("one of text (with or without cancelled), preconditions, already_done must be given")


class Auth(Table, frozen=True, kw_only=True):
    """[auth]: how the OEM knows us. The secrets are the account's, never the definition's."""

    scheme: Literal["bearer", "oauth2"] = "bearer"
    header: str = "Authorization"
    prefix: str = "Bearer"
    token_url: str | None = None
    """Absolute, or a path below `base_url`."""
    client_in: Literal["body", "header"] = "body"
    scope: str | None = None
    parameters: dict[str, str] = {}

    def __post_init__(self) -> None:
        if (self.scheme == "oauth2") != (self.token_url is not None):
            raise ValueError("token_url goes with scheme oauth2, and only with it")
        if self.token_url and not self.token_url.startswith("/"):
            parse_address(self.token_url)


class Declared(Table, frozen=True, kw_only=True):
    """[declares]: what the OEM guarantees, and its times where they differ from the installation's."""

    enforces_preconditions: bool = False
    blocks_next_start_only: bool = False
    read_wakes_vehicle: bool = False
    initiate_wait: Wait | None = None
    send_wait: dict[CommandName, Duration] = {}
    answer_wait: dict[CommandName, Duration] = {}
    follow_floor: Duration = 0.25
    follow_ceiling: Duration = 5.0
