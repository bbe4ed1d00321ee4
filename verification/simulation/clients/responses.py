"""Requests with their answers: POSTs, GETs, operators' decisions, and administration in scenarios with an insider."""

from dataclasses import dataclass, field
from typing import Any

from keyturn.auth.principal import Operator


@dataclass
class PostResult:
    """A POST and its answer; `status` None: the connection was lost. Times are the loop's seconds."""

    application: str
    company: str
    vin: str
    command: str
    code: str | None
    key: str | None
    asked_at: float
    reason: str | None = None
    answered_at: float | None = None
    status: int | None = None
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str | None:
        return self.body.get("id")


@dataclass(frozen=True)
class Decision:
    """An operator's decision on an approval; `state` is the command's state afterwards, None: refused."""

    operator: Operator
    command_id: str
    verb: str
    state: str | None


@dataclass(frozen=True)
class Asked:
    """A requested operation and its result: an answer, an error code, or neither where the result is unknown."""

    operation: str
    arguments: dict[str, Any]
    operator: Operator | None
    answer: dict[str, Any] | None
    refused: str | None


@dataclass
class InsiderRecord:
    """The insider's ids and commands, and every requested operation."""

    hands: set[str] = field(default_factory=lambda: {"ines", "local"})
    """Ids of operators that are the insider."""
    commands: set[str] = field(default_factory=set)
    """Ids of commands that the insider asked for."""
    asked: list[Asked] = field(default_factory=list)
