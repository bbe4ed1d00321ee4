"""Command rows as a test needs them, without the way that leads to them."""

from typing import Any

from keyturn.clock import after
from keyturn.commands.admission.registration import uuid7
from keyturn.commands.model import lifecycle
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import STATUS, State
from keyturn.store.port import Tx
from tests.support.enrolment import NOW, VIN, Names

SEND_DEADLINE, SEND_BY, ANSWER_DEADLINE = after(NOW, 60), after(NOW, 5), after(NOW, 300)


def draft(names: Names, state: State = State.QUEUED, name: str = "start", **columns: Any) -> Command:
    """A command in `state` with every deadline set, that no test needs to have come from anywhere."""
    given: dict[str, Any] = {
        "id": uuid7(NOW),
        "company_id": names.company,
        "actor": names.application,
        "vehicle_id": names.vehicle,
        "account_id": "account",
        "vin": VIN,
        "name": name,
        "state": state,
        "fence": 1,
        "epoch": 1,
        "status": STATUS[state],
        "detail": lifecycle.EMPTY_DETAIL,
        "created_at": NOW,
        "updated_at": NOW,
        "lane_number": 1,
        "send_deadline": SEND_DEADLINE,
        "send_by": SEND_BY,
        "answer_deadline": ANSWER_DEADLINE,
    }
    return Command(**{**given, **columns})


def written(tx: Tx, command: Command, segment: int | None = None) -> Command:
    """The draft as a row."""
    return lifecycle.register(tx, command, segment=segment)


def place(command: Command) -> int:
    """Its position in the lane."""
    assert command.lane_number is not None
    return command.lane_number


def queue(*rows: tuple[str, State]) -> list[OpenCommand]:
    """Open rows of one vehicle with lane numbers 1, 2, 3 ... and ids that are those numbers; reads have none."""
    return [_open(number, name, state) for number, (name, state) in enumerate(rows, 1)]


def _open(number: int, name: str, state: State) -> OpenCommand:
    row = OpenCommand(str(number), "vehicle", name, state, number, 0, None, 0)
    if row.spec.is_read or state is State.AWAITING_APPROVAL:
        return OpenCommand(str(number), "vehicle", name, state, None, 0, None, 0)
    return row
