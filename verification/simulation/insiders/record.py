"""What is kept of the people in charge while a scenario runs."""

from dataclasses import dataclass, field
from typing import Any

from keyturn.auth.principal import Operator


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
