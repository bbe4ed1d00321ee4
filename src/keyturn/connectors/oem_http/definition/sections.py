"""The tables of a definition, key by key; docs/connectors.md explains each one.

Durations are seconds. A key that is absent has the default below.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from keyturn.connectors.oem_http.definition.document import Table
from keyturn.connectors.oem_http.definition.queries import (
    COMMAND,
    OPERATION,
    SENDING,
    VEHICLE,
    NamedQuery,
    Query,
    no_value_here,
)
from keyturn.connectors.oem_http.definition.templates import Body, Template
from keyturn.connectors.oem_http.definition.times import NamedTimeQuery, TimeQuery

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

READS = frozenset({"location", "diagnostics"})
"""Commands that read data; without data they are no success."""


RESTORING = frozenset({"cancel_alert", "enable_ignition", "cancel_start"})
"""Restoring commands."""


class Call(Table, frozen=True, kw_only=True):
    """Path, headers and body of one kind of request."""

    offered: ClassVar[frozenset[str]]
    """Placeholders that have a value here."""
    path: Template | None = None
    headers: dict[str, Template] = field(default_factory=dict)
    body: Body | None = None

    def __post_init__(self) -> None:
        written = [part for part in (self.path, self.body, *self.headers.values()) if part]
        for name in sorted(name for part in written for name in part.names):
            if problem := no_value_here(name, self.offered):
                raise ValueError(problem)
        if self.path and not self.path.text.startswith("/"):
            raise ValueError("path must start with /")


class Field(Table, frozen=True, kw_only=True):
    """One signal or data point. An absent expression is the table's default one."""

    value: NamedQuery | None = None
    observed_at: NamedTimeQuery | None = None
    as_of: NamedTimeQuery | None = None
    flagged: NamedQuery | None = None
    values: dict[str, Scalar] = field(default_factory=dict)
    scale: float | None = None
    offset: float | None = None


class Sending(Call, frozen=True, kw_only=True):
    """[send]: how commands are sent, unless [commands.<name>] overrides it."""

    offered = SENDING
    method: Method = "POST"
    idempotency_header: str | None = None


class Accepted(Table, frozen=True, kw_only=True):
    """[accepted]: where the first response has the operation."""

    id: Query | None = None
    id_header: str | None = None
    """Response header with the id, where the body has none."""
    url: Query | None = None
    url_header: str | None = None
    own_origin: bool = False
    """Only path and query of the OEM's URL are used, at the connector's own origin."""
    state: Query | None = None
    """The state word, only where the first response can be final; its words are those of [result]."""


class Asking(Call, frozen=True, kw_only=True):
    """[status]: how an operation is queried that has no URL."""

    offered = OPERATION | {"command.name"}
    method: Method = "GET"


class Result(Table, frozen=True, kw_only=True):
    """[result]: how a response about an operation is read."""

    state: Query | None = None
    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    succeeded_by_status: tuple[HttpStatus, ...] = ()
    """HTTP statuses that mean success in a result without a state word."""
    failed_by_status: tuple[HttpStatus, ...] = ()
    completed_at: TimeQuery | None = None
    already_done: Query | None = None
    error_code: Query | None = None
    data: NamedQuery | None = None

    def __post_init__(self) -> None:
        if self.state and not self.succeeded:
            raise ValueError("succeeded must list at least one word of `state`")
        if both := set(self.succeeded_by_status) & set(self.failed_by_status):
            raise ValueError(f"{min(both)} cannot mean success and failure")


class Command(Call, frozen=True, kw_only=True):
    """[commands.<name>]: one command that the OEM offers."""

    offered = SENDING
    name: str | None = None
    """The OEM's name of it, for ``{command.name}``."""
    method: Method | None = None
    mode: Mode | None = None
    result: Result | None = None
    """Instead of [result], where this command's answers are read differently."""
    data: dict[str, Field] = field(default_factory=dict)
    """What a success carries, by the catalogue's names."""


class LookUp(Call, frozen=True, kw_only=True):
    """[look_up]: how a command is found by our id. `answer` maps what was found to the form of a [status] response."""

    offered = COMMAND
    method: Method = "GET"
    path: Template
    answer: Query
    reference: Query | None = None


class Cancel(Call, frozen=True, kw_only=True):
    """[cancel]: how an operation is cancelled; without a path, at its status URL."""

    offered = OPERATION
    method: Method = "DELETE"
    answer: Query | None = None
    cancelled_by_status: tuple[HttpStatus, ...] = ()


class State(Call, frozen=True, kw_only=True):
    """[state]: how the OEM's state of a vehicle is read."""

    offered = VEHICLE
    method: Method = "GET"
    path: Template
    timeout: Duration = 3.0
    reachable: Query | None = None
    last_contact: TimeQuery | None = None
    vin: Query | None = None
    """The VIN in the response; another one than the vehicle's stops commands."""
    value: NamedQuery | None = None
    observed_at: NamedTimeQuery | None = None
    as_of: NamedTimeQuery | None = None
    flagged: NamedQuery | None = None
    signals: dict[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, signal in self.signals.items():
            if not (signal.value or self.value):
                raise ValueError(f"signals.{name} has no value, and there is no default for it")


class AnswerRule(Table, frozen=True, kw_only=True):
    """[[answers]]: what a response to a command means, by HTTP status, error code, or both."""

    status: tuple[HttpStatus, ...] = ()
    code: tuple[str, ...] = ()
    means: Literal["not_taken", "already_done", "failed"]
    temporary: bool = False

    def __post_init__(self) -> None:
        if not (self.status or self.code):
            raise ValueError("status or code must be given")
        if any(300 <= status < 400 for status in self.status):
            raise ValueError("a 3xx answer may always have happened and cannot be listed")
        if self.temporary and self.means != "not_taken":
            raise ValueError("temporary goes with not_taken only")


class ErrorMeaning(Table, frozen=True, kw_only=True):
    """[errors.<code>]: what an error code of the OEM means for a command that was not done."""

    text: str | None = None
    preconditions: tuple[Precondition, ...] = ()
    already_done: bool = False
    cancelled: bool = False

    def __post_init__(self) -> None:
        meanings = (bool(self.preconditions), self.already_done, bool(self.text) or self.cancelled)
        if sum(meanings) != 1:
            raise ValueError("one of text (with or without cancelled), preconditions, already_done must be given")


class Declared(Table, frozen=True, kw_only=True):
    """[declares]: what the OEM guarantees, and its times where they differ from the installation's."""

    enforces_preconditions: bool = False
    blocks_next_start_only: bool = False
    read_wakes_vehicle: bool = False
    initiate_wait: Wait | None = None
    send_wait: dict[CommandName, Duration] = field(default_factory=dict)
    answer_wait: dict[CommandName, Duration] = field(default_factory=dict)
    follow_floor: Duration = 0.25
    follow_ceiling: Duration = 5.0
