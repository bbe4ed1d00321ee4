"""Every operation, and every two of them, by one insider, each tried in a savepoint of one transaction that never ends.

After a step everything is tried that time alone brings: whoever the insider can sign in as approves what waits, the
notice passes, what is due is made, and secrets are fetched.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from keyturn.admin import change_execution, operators
from keyturn.admin.operation import Answer
from keyturn.auth.principal import Operator
from keyturn.bus.topics import IdT, Topic
from keyturn.clock import after
from keyturn.errors import OperationError
from keyturn.operations import perform
from keyturn.store.port import Note, ReadTx, Row, Store, Tx

from .candidates import CANDIDATES, LOOKS, PEOPLE
from .reach import Fact, Insider

T = TypeVar("T")
SHELL, PASSWORD, FACTOR = "from the shell", "by password", "with a second factor"
_SHOWN_ONCE = ("client_secret", "sign_secret", "code")
_OPEN = "SELECT id FROM change WHERE state IN ('waiting', 'pending', 'applied') ORDER BY proposed_at DESC, id LIMIT 1"
_WAITING = "SELECT id FROM change WHERE state = 'waiting'"
_TO_COLLECT = "SELECT id, proposed_by FROM change WHERE state = 'applied' AND collect_by IS NOT NULL"
_BRINGS_MORE = """
SELECT 1 FROM change WHERE state IN ('waiting', 'pending')
UNION ALL SELECT 1 FROM vehicle WHERE consent_from > :now
"""
"""Whether time brings anything."""
_LATEST = "SELECT coalesce(max(seq), 0) FROM entry"


class LaterTx:
    """The same transaction after some time."""

    def __init__(self, tx: Tx, seconds: float) -> None:
        self._tx = tx
        self.now = after(tx.now, seconds)
        self.moment = tx.moment._replace(now=self.now, wall=after(tx.moment.wall, seconds))

    def one(self, sql: str, /, *values: object, **named: object) -> Row | None:
        return self._tx.one(sql, *values, **named)

    def all(self, sql: str, /, *values: object, **named: object) -> list[Row]:
        return self._tx.all(sql, *values, **named)

    def run(self, sql: str, /, *values: object, **named: object) -> int:
        return self._tx.run(sql, *values, **named)

    def lock(self, sql: str, /, *values: object, **named: object) -> None:
        self._tx.lock(sql, *values, **named)

    def announce(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        """Nothing becomes durable."""

    def run_many(self, sql: str, rows: Iterable[Sequence[object]], /) -> int:
        return self._tx.run_many(sql, rows)

    def remember(self, note: Note) -> None:
        """As `announce`."""

    def write_notes(self) -> None:
        """There are none."""

    def on_outcome(self, act: Callable[[bool], None]) -> None:
        """As `announce`."""


class _OneTransaction:
    """As a store, for what waits to be due."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    async def write(self, work: Callable[[Tx], T]) -> T:
        self._tx.run("SAVEPOINT due")
        try:
            return work(self._tx)
        except BaseException:
            self._tx.run("ROLLBACK TO due")
            raise
        finally:
            self._tx.run("RELEASE due")

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return work(self._tx)

    async def close(self) -> None:
        """It is another's."""


@dataclass(frozen=True)
class Step:
    """One operation by somebody. `by`: how the insider acts, or the name of whom the insider signs in as."""

    operation: str
    number: int
    by: str

    @property
    def arguments(self) -> dict[str, Any]:
        return CANDIDATES[self.operation][self.number]

    def __str__(self) -> str:
        return f"{self.operation} {self.arguments} {self.by}"


class Outcome(NamedTuple):
    """Whether anything was written, what the insider knows now, and whether it only waits."""

    done: bool
    secrets: frozenset[str]
    waits: bool = False


@dataclass
class Walk:
    """`found`: what can be brought about that could not before, with the steps that do it first."""

    insider: Insider
    tx: Tx
    found: dict[Fact, tuple[Step, ...]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    everywhere: bool = False
    """The insider is an admin of the whole installation."""
    whole: bool = False
    """All candidates behind a step that only waits, too."""

    def run(self) -> None:
        self.insider.prepare(self.tx)
        self.secrets = self.insider.env.known
        before, done = self.insider.facts(self.tx, self.secrets), False
        for first in self._steps():
            if first.by == PASSWORD and done:
                continue  # it leaves nothing else behind than what was done with more
            with self._undone():
                came = self._try(first, self.secrets)
                done = came.done
                if done:  # what was refused, or only looked, leaves everything as it was
                    self._measure(before, came.secrets, first)
                    self._go_on(before, came, first)

    def _go_on(self, before: frozenset[Fact], came: Outcome, first: Step) -> None:
        done = False
        for second in self._steps(came.secrets):
            if second.operation in LOOKS or (second.by == SHELL and self.everywhere and done):
                continue  # for the installation nothing is done from the shell that is not done signed in
            if came.waits and second.number and not (self.whole or second.operation in PEOPLE):
                continue  # nothing is otherwise yet: one of each operation is enough, and all that decide on it
            with self._undone():
                again = self._try(second, came.secrets)
                done = again.done
                if done:
                    self._measure(before, again.secrets, first, second)

    def _steps(self, secrets: frozenset[str] | None = None) -> Iterator[Step]:
        people = self.insider.people(self.tx, self.secrets if secrets is None else secrets)
        others = [each.id for each in people if each.id != self.insider.id]
        for operation, rows in CANDIDATES.items():
            for number in range(len(rows)):
                yield from (Step(operation, number, by) for by in (FACTOR, SHELL, *others))
                if secrets is None:
                    yield Step(operation, number, PASSWORD)

    def _try(self, step: Step, secrets: frozenset[str]) -> Outcome:
        """What was refused is undone."""
        (before,) = self.tx.all(_LATEST)
        self.tx.run("SAVEPOINT step")
        try:
            answer = self._do(self.tx, step.operation, self._filled(step, secrets), self._operator(step.by))
        except OperationError:
            self.tx.run("ROLLBACK TO step")
            return Outcome(done=False, secrets=secrets)
        finally:
            self.tx.run("RELEASE step")
        done = self.tx.all(_LATEST) != [before]
        return Outcome(done, secrets | _told(answer), waits=answer.get("state") in ("waiting", "pending"))

    def _measure(self, before: frozenset[Fact], secrets: frozenset[str], *steps: Step) -> None:
        now = self.insider.facts(self.tx, secrets)
        if self.tx.one(_BRINGS_MORE, now=self.tx.now) is not None:
            with self._undone():
                later = LaterTx(self.tx, 601.0)
                known = self._wait(later, secrets)
                now |= self.insider.facts(later, known)
        for fact in now - before:
            if fact not in self.found or len(steps) < len(self.found[fact]):
                self.found[fact] = steps

    def _wait(self, later: LaterTx, secrets: frozenset[str]) -> frozenset[str]:
        """What the insider knows when everything is done that those whom the insider controls can do."""
        for (change_id,) in self.tx.all(_WAITING):
            for person in self.insider.people(self.tx, secrets):
                self._attempt(self.tx, "change approve", {"change": change_id}, person)
        desk = self.insider.env.server.node.administration
        table = desk._operations
        work = change_execution.apply_due(
            cast("Store", _OneTransaction(later)), desk._keyring, desk._installation, table
        )
        with suppress(StopIteration):
            work.send(None)
        people = {each.id: each for each in self.insider.people(later, secrets)}
        for change_id, proposer in self.tx.all(_TO_COLLECT):
            if proposer in people:
                secrets |= _told(self._attempt(later, "change collect", {"change": change_id}, people[proposer]))
        return secrets

    def _attempt(self, tx: Tx, name: str, arguments: dict[str, Any], operator: Operator) -> Answer:
        tx.run("SAVEPOINT attempt")
        try:
            return self._do(tx, name, arguments, operator)
        except OperationError:
            tx.run("ROLLBACK TO attempt")
            return {}
        finally:
            tx.run("RELEASE attempt")

    def _do(self, tx: Tx, name: str, arguments: dict[str, Any], operator: Operator | None) -> Answer:
        desk = self.insider.env.server.node.administration
        context = desk._keyring, desk._installation, name, arguments, "operator:local", desk._operations, operator
        return perform(tx, *context)

    def _operator(self, by: str) -> Operator | None:
        if by == SHELL:
            return None
        operator_id = self.insider.id if by in (PASSWORD, FACTOR) else by
        return operators.load(self.tx, operator_id, second_factor=by != PASSWORD)

    def _filled(self, step: Step, secrets: frozenset[str]) -> dict[str, Any]:
        env = self.insider.env
        values = {f"{{{label}}}": vin for label, vin in env.vins.items()} | {
            "{command}": env.waiting,
            "{insider}": self.tx.all("SELECT name FROM operator WHERE id = :id", id=self.insider.id)[0][0],
            "{change}": next((row[0] for row in self.tx.all(_OPEN)), "none"),
            "{code}": next(iter(secrets - env.known), "none"),
        }
        return {
            name: values.get(value, value) if isinstance(value, str) else value
            for name, value in step.arguments.items()
        }

    @contextmanager
    def _undone(self) -> Iterator[None]:
        name = f"level_{id(object())}"
        self.tx.run(f"SAVEPOINT {name}")
        try:
            yield
        finally:
            self.tx.run(f"ROLLBACK TO {name}")
            self.tx.run(f"RELEASE {name}")


def _told(answer: Answer) -> frozenset[str]:
    return frozenset(str(answer[name]) for name in _SHOWN_ONCE if answer.get(name))
