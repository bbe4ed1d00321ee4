"""What an answer costs a node: the statements that its store executes, and the keyed work that its crypto does."""

import asyncio
import hmac
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from keyturn.app import Node
from keyturn.tenants.keyring import Keyring

_VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\bNULL\b", re.IGNORECASE)
_KEYED = ("seal", "unseal", "digest", "verify_token", "issue_token")
_SEALS = re.compile(r"\bchain_|FROM entry\b")
"""The audit chain is sealed behind what was written, whenever there is time."""
_TURNS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class Cost:
    """Statements without their values, and calls by name; how many transactions shared a commit does not count."""

    def __init__(self) -> None:
        self.statements: Counter[str] = Counter()
        self.keyed: Counter[str] = Counter()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cost) and (self.statements, self.keyed) == (other.statements, other.keyed)

    def __repr__(self) -> str:
        return f"Cost({dict(self.statements)}, {dict(self.keyed)})"


class Probe:
    """Looks over a node's shoulder; nothing runs on it meanwhile but what is measured."""

    def __init__(self, node: Node) -> None:
        self._connections: list[sqlite3.Connection] = [
            node.store._writer._connection,
            node.store._reader._connection,
        ]
        self._background = asyncio.all_tasks() - {asyncio.current_task()}
        self.cost = Cost()

    @contextmanager
    def measuring(self) -> Iterator[Cost]:
        self.cost = Cost()
        for connection in self._connections:
            connection.set_trace_callback(self._heard)
        try:
            yield self.cost
        finally:
            for connection in self._connections:
                connection.set_trace_callback(None)
            self.cost = Cost()

    def _heard(self, statement: str) -> None:
        if statement.startswith(_TURNS) or asyncio.current_task() in self._background:
            return
        if _SEALS.search(statement):
            return
        self.cost.statements[_VALUE.sub("?", statement)] += 1

    def count(self, name: str) -> None:
        self.cost.keyed[name] += 1


def probe(node: Node, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """Counts from now on: at the keyring's face, and where `hmac` itself is called."""
    probing = Probe(node)
    for name in _KEYED:
        monkeypatch.setattr(Keyring, name, _counted(getattr(Keyring, name), name, probing))
    monkeypatch.setattr(hmac, "digest", _counted(hmac.digest, "hmac.digest", probing))
    monkeypatch.setattr(hmac, "compare_digest", _counted(hmac.compare_digest, "hmac.compare_digest", probing))
    return probing


def _counted(call: Callable[..., Any], name: str, probing: Probe) -> Callable[..., Any]:
    def counting(*args: Any, **named: Any) -> Any:
        probing.count(name)
        return call(*args, **named)

    return counting
