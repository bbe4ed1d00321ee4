"""What was asked and answered: requests, and operators' decisions."""

from dataclasses import dataclass, field
from typing import Any

from keyturn.auth.principal import Operator


@dataclass
class Heard:
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
class Seen:
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
