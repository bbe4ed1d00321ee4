"""What one vehicle's commands do by the contract: a small model that knows nothing of rows, fences and indexes."""

from dataclasses import dataclass, field

from keyturn.commands.model.catalogue import COMMANDS, CommandSpec
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind

OUTCOMES = {
    (State.DISPATCHING, OutcomeKind.IN_PROGRESS): State.ACCEPTED,
    (State.DISPATCHING, OutcomeKind.UNCLEAR): State.UNKNOWN,
    (State.DISPATCHING, OutcomeKind.SUCCEEDED): State.EXECUTED,
    (State.DISPATCHING, OutcomeKind.FAILED): State.FAILED,
    (State.ACCEPTED, OutcomeKind.SUCCEEDED): State.EXECUTED,
    (State.ACCEPTED, OutcomeKind.FAILED): State.FAILED,
    (State.UNKNOWN, OutcomeKind.SUCCEEDED): State.EXECUTED,
    (State.UNKNOWN, OutcomeKind.FAILED): State.FAILED,
}
SEND_WAIT, RESTORING_WAIT, ANSWER_WAIT, GRACE, UNANSWERED, PAUSE = 60, 120, 300, 60, 35, 0.5


@dataclass
class Modelled:
    """A command; times in seconds since the beginning."""

    id: str
    name: str
    place: int
    send_deadline: float
    state: State = State.QUEUED
    sent_at: float = 0
    not_before: float = 0
    tries: int = 0
    overdue: bool = False
    """Unknown, and its answer deadline has passed."""

    @property
    def spec(self) -> CommandSpec:
        return COMMANDS[self.name]

    @property
    def with_oem(self) -> bool:
        return not self.spec.is_read and self.state in (State.DISPATCHING, State.ACCEPTED)

    @property
    def in_flight(self) -> bool:
        unknown = self.state is State.UNKNOWN and not self.spec.is_restoring and not self.overdue
        return unknown or self.state in (State.QUEUED, State.DISPATCHING, State.ACCEPTED)


@dataclass
class LaneModel:
    commands: dict[str, Modelled] = field(default_factory=dict)
    now: float = 0
    starts: int = 0

    def joined(self, name: str) -> Modelled | None:
        """The one in flight that a new command joins."""
        same = [command for command in self.commands.values() if command.name == name and command.in_flight]
        newest = max(same, key=lambda command: command.place, default=None)
        if newest and any(o.in_flight and o.place > newest.place for o in self._opposites(name)):
            return None
        return newest

    def refuses(self, name: str) -> bool:
        return name == "start" and self.starts >= 2

    def register(self, command_id: str, name: str) -> None:
        spec = COMMANDS[name]
        if spec.is_restoring or spec.supersedes_opposite:
            for opposite in self._opposites(name):
                if opposite.state is State.QUEUED:
                    opposite.state = State.CANCELLED
        deadline = self._restoring_deadline() if spec.is_restoring else self.now + SEND_WAIT
        self.commands[command_id] = Modelled(command_id, name, len(self.commands), deadline)

    def may_be_sent(self, command: Modelled) -> bool:
        return self.now >= command.not_before and (command.spec.is_read or command is self._next())

    def send(self, command: Modelled) -> None:
        if self.refuses(command.name):
            command.state = State.REFUSED
        else:
            command.state, command.sent_at = State.DISPATCHING, self.now

    def respond(self, command: Modelled, verdict: OutcomeKind) -> None:
        if verdict is OutcomeKind.NOT_TAKEN and command.state is State.DISPATCHING:
            self._bounce(command)
        else:
            command.state = OUTCOMES.get((command.state, verdict), command.state)
        if command.state is State.EXECUTED and command.name == "start":
            self.starts += 1

    def move(self, seconds: float) -> None:
        self.now += seconds
        for command in self.commands.values():
            self._lapse(command)

    def _lapse(self, command: Modelled) -> None:
        if command.state is State.QUEUED and self.now >= command.send_deadline:
            command.state = State.FAILED if command.tries else State.EXPIRED
        send_by = min(command.sent_at + 5, command.send_deadline)
        if command.state is State.DISPATCHING and self.now >= send_by + UNANSWERED - 5:
            command.state = State.UNKNOWN
        if self.now >= command.sent_at + ANSWER_WAIT and command.state in (State.ACCEPTED, State.UNKNOWN):
            command.state, command.overdue = State.UNKNOWN, True

    def _bounce(self, command: Modelled) -> None:
        again_at = self.now + min(4.0, PAUSE * 2**command.tries)
        if again_at >= command.send_deadline:
            command.state = State.FAILED
            return
        command.state, command.not_before, command.tries = State.QUEUED, again_at, command.tries + 1

    def _next(self) -> Modelled | None:
        """Whose turn it is: where the lane is free the oldest that restores and may be sent, else the oldest."""
        queued = [c for c in self.commands.values() if c.state is State.QUEUED and not c.spec.is_read]
        with_oem = [c for c in self.commands.values() if c.with_oem]
        restoring = {c.name: c for c in reversed(queued) if c.spec.is_restoring}.values()
        ready = [c for c in sorted(restoring, key=lambda c: c.place) if self.now >= c.not_before]
        if with_oem:
            return next((c for c in ready if all(self._cancels(c, other) for other in with_oem)), None)
        if restoring:
            return next(iter(ready), None)
        return queued[0] if queued else None

    def _cancels(self, command: Modelled, other: Modelled) -> bool:
        accepted = other.state is State.ACCEPTED and other.place < command.place
        return command.spec.overtakes and accepted and other.name == command.spec.opposite

    def _restoring_deadline(self) -> float:
        """A minute after everything that was sent, or restores too, can still hold the lane."""
        holders = [c for c in self.commands.values() if not c.spec.is_read]
        sent = [c.sent_at + ANSWER_WAIT + GRACE for c in holders if c.with_oem]
        queued = [c for c in holders if c.state is State.QUEUED and c.spec.is_restoring]
        unsent = [c.send_deadline + ANSWER_WAIT + GRACE for c in queued]
        return max([self.now + RESTORING_WAIT, *sent, *unsent])

    def _opposites(self, name: str) -> list[Modelled]:
        return [command for command in self.commands.values() if command.name == COMMANDS[name].opposite]
