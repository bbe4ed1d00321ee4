"""What was asked and answered: requests, and operators' decisions.

What is kept of the people in charge while a scenario runs.
"""

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


@dataclass
class GetResult:
    """A GET and its answer."""

    application: str
    company: str
    command_id: str
    at: float
    status: int | None
    body: dict[str, Any]


@dataclass(frozen=True)
class Decision:
    """What an operator was answered about an approval: the state that the command has then; None: refused."""

    operator: Operator
    command_id: str
    verb: str
    state: str | None


@dataclass(frozen=True)
class Asked:
    """An operation that somebody asked for, and what came of it; neither: nobody knows."""

    operation: str
    arguments: dict[str, Any]
    operator: Operator | None
    answer: dict[str, Any] | None
    refused: str | None


@dataclass
class InsiderRecord:
    """The insider's, and what everybody asked for."""

    hands: set[str] = field(default_factory=lambda: {"ines", "local"})
    """Ids of operators that are the insider."""
    commands: set[str] = field(default_factory=set)
    """Ids of commands that the insider asked for."""
    asked: list[Asked] = field(default_factory=list)
