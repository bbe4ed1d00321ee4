"""What an answer costs a node: the statements that its store executes, and the keyed work that its crypto does."""

import asyncio
import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from keyturn.auth.keyring import Keyring
from keyturn.store.sqlite.transaction import SqliteTx, Statements

_KEYED = ("seal", "unseal", "digest", "verify_token", "issue_token")
_FRAMES = re.compile(r"BEGIN|SAVEPOINT|RELEASE|ROLLBACK")
"""How units are batched, which depends on what else is written."""
_SEALS = re.compile(r"\bchain_|FROM entry\b")
"""The audit chain is sealed behind what was written, whenever there is time."""


class Cost:
    """Statements by their text, and keyed calls by their name."""

    def __init__(self) -> None:
        self.statements: Counter[str] = Counter()
        self.keyed: Counter[str] = Counter()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cost) and (self.statements, self.keyed) == (other.statements, other.keyed)

    def __repr__(self) -> str:
        return f"Cost({dict(self.statements)}, {dict(self.keyed)})"


class Probe:
    """Looks over a node's shoulder; what already ran when it was made does not count."""

    def __init__(self) -> None:
        self._background = asyncio.all_tasks() - {asyncio.current_task()}
        self._cost = Cost()

    @contextmanager
    def measuring(self) -> Iterator[Cost]:
        self._cost = Cost()
        yield self._cost
        self._cost = Cost()

    def execute(self, sql: str) -> None:
        if asyncio.current_task() not in self._background and not _SEALS.search(sql) and not _FRAMES.match(sql):
            self._cost.statements[sql] += 1

    def call(self, name: str) -> None:
        self._cost.keyed[name] += 1


def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """Counts from now on: where a transaction meets the database, at the keyring's face, and where `hmac` is called."""
    probing = Probe()
    for owner, name in ((Statements, "one"), (Statements, "all"), (SqliteTx, "run")):
        monkeypatch.setattr(owner, name, _noted(getattr(owner, name), probing))
    for name in _KEYED:
        monkeypatch.setattr(Keyring, name, _counted(getattr(Keyring, name), name, probing))
    monkeypatch.setattr(hmac, "digest", _counted(hmac.digest, "hmac.digest", probing))
    monkeypatch.setattr(hmac, "compare_digest", _counted(hmac.compare_digest, "hmac.compare_digest", probing))
    return probing


def _noted(execute: Callable[..., Any], probing: Probe) -> Callable[..., Any]:
    def executing(tx: Statements, sql: str, *values: object, **named: object) -> Any:
        probing.execute(sql)
        return execute(tx, sql, *values, **named)

    return executing


def _counted(call: Callable[..., Any], name: str, probing: Probe) -> Callable[..., Any]:
    def counting(*args: Any, **named: Any) -> Any:
        probing.call(name)
        return call(*args, **named)

    return counting
