"""A vehicle's lane: the order in which its commands are sent, which may be sent now, and which new ones coalesce.

Also the timeouts: how long a command may wait to be sent, for the OEM's answer, and with its POST held.
"""

from collections.abc import Iterable, Sequence

import msgspec

from keyturn.clock import after
from keyturn.commands.model import record
from keyturn.commands.model.catalogue import COMMANDS, ENABLE, CommandSpec
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import UNSENT, WITH_OEM, State
from keyturn.config.settings import CommandSettings
from keyturn.connectors.port import Capabilities
from keyturn.store.port import ReadTx, Tx


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds."""

    send: float
    answer: float
    initiate: float


def timeouts(spec: CommandSpec, capabilities: Capabilities, settings: CommandSettings) -> Timeouts:
    """The connector's own, else the installation's, else the catalogue's."""
    initiate = settings.initiate_wait if capabilities.initiate_wait is None else capabilities.initiate_wait
    return Timeouts(
        send=capabilities.send_wait.get(spec.name, settings.send_wait.get(spec.name, spec.send_wait)),
        answer=capabilities.answer_wait.get(spec.name, settings.answer_wait.get(spec.name, spec.answer_wait)),
        initiate=initiate,
    )


LANE, OVERTAKING = 0, 1
"""Slots of `open_command_in_lane`."""

_GRACE = 60.0
"""Seconds that a restoring command waits beyond the last command that can still hold the lane."""

_LAST_POSITION = 1 << 62
"""Of a command that waits for an approval: after everything that has a number."""

_LOCK = "SELECT 1 FROM vehicle WHERE id = :vehicle_id FOR UPDATE"
_STOP_COALESCING_OVERDUE = """
UPDATE open_command SET segment = NULL
WHERE vehicle_id = :vehicle_id AND state = 'Unknown' AND segment IS NOT NULL AND wake_at <= :now
"""
_AHEAD = """
SELECT c.name, c.state, c.send_deadline, c.answer_deadline
FROM open_command o JOIN command c ON c.id = o.command_id
WHERE o.vehicle_id = :vehicle_id AND o.lane_number IS NOT NULL
"""


def lock(tx: Tx, vehicle_id: str) -> None:
    """No other transaction changes this vehicle's lane until this one ends."""
    tx.lock(_LOCK, vehicle_id=vehicle_id)


def lock_and_load(tx: Tx, vehicle_id: str) -> list[OpenCommand]:
    """Lock the lane; the vehicle's open commands, after coalescing has stopped for those whose answer is overdue."""
    lock(tx, vehicle_id)
    rows = record.open_of_vehicle(tx, vehicle_id)
    if any(row.state is State.UNKNOWN for row in rows) and stop_coalescing_overdue(tx, vehicle_id):
        return record.open_of_vehicle(tx, vehicle_id)
    return rows


def stop_coalescing_overdue(tx: Tx, vehicle_id: str) -> bool:
    """Stop coalescing into Unknown commands whose answer deadline has passed. True: there was one."""
    return tx.run(_STOP_COALESCING_OVERDUE, vehicle_id=vehicle_id, now=tx.now) > 0


def next_number(rows: Iterable[OpenCommand], now: int) -> int:
    """The position in the lane behind `rows`, the vehicle's open commands, and behind their coalescing groups.

    It is no lower than the store's time in microseconds, so that positions rise over the whole life of a vehicle.
    """
    taken = (number for row in rows for number in (row.lane_number, row.segment) if number is not None)
    return max(now, max(taken, default=0) + 1)


def coalescing_group(rows: Sequence[OpenCommand], spec: CommandSpec, now: int) -> int:
    """The coalescing group of a new command: the position of the newest opposite in flight.

    Commands of one group coalesce, and the unique index on its column `segment` decides between two at the same moment.
    An opposite that waits for an approval has no number yet: the group behind it takes one of its own.
    """
    position = later_opposite(rows, spec)
    return next_number(rows, now) if position == _LAST_POSITION else position


def later_opposite(rows: Iterable[OpenCommand], spec: CommandSpec) -> int:
    """The lane number of the newest opposite in flight, 0 when there is none."""
    opposites = (row for row in rows if row.name == spec.opposite and _in_flight(row))
    return max((_position(row) for row in opposites), default=0)


def coalescing_target(rows: Sequence[OpenCommand], spec: CommandSpec) -> OpenCommand | None:
    """The command in flight with which a new one coalesces, unless a later opposite is in flight."""
    same = [row for row in rows if row.name == spec.name and row.segment is not None]
    newest = max(same, key=_position, default=None)
    if newest is None or _position(newest) < later_opposite(rows, spec):
        return None
    return newest


def contenders(rows: Sequence[OpenCommand]) -> list[OpenCommand]:
    """Queued commands of one vehicle that are sent as soon as their own time comes: its reads, and in the order of
    sending, those of the others for which the lane has room.

    While a restoring command is Queued, every other one waits, so that nothing unsent keeps a vehicle immobilised.
    Restoring commands of one pair keep their order; of different pairs the oldest is first, and enabling before it.
    """
    reads = [row for row in rows if row.spec.is_read and row.state is State.QUEUED]
    lane = [row for row in rows if not row.spec.is_read]
    queued = sorted((row for row in lane if row.state is State.QUEUED), key=_position)
    restoring = _first_of_each(row for row in queued if row.spec.is_restoring)
    if any(row.state in WITH_OEM for row in lane):
        return reads + [row for row in restoring if _overtakes(row, lane)]
    return reads + (sorted(restoring, key=lambda row: row.name != ENABLE) or queued[:1])


def sendable(rows: Sequence[OpenCommand], now: int) -> list[OpenCommand]:
    """Of the `contenders`, those that may be sent now: the reads, and at most one other."""
    ready = [row for row in contenders(rows) if now >= (row.not_before or 0)]
    reads = [row for row in ready if row.spec.is_read]
    return reads + [row for row in ready if not row.spec.is_read][:1]


def is_next(rows: Sequence[OpenCommand], command: Command) -> bool:
    """Whether a new command may be sent now, `rows` being the other open ones of its vehicle."""
    if command.state is not State.QUEUED or command.spec.is_read:
        return command.state is State.QUEUED
    if not command.spec.is_restoring:  # it is the last of the lane, and overtakes nothing
        return not any(_occupies(row) for row in rows)
    own = OpenCommand(command.id, command.vehicle_id, command.name, command.state, command.lane_number, None, None, 0)
    return own in sendable([*rows, own], command.created_at)


def _occupies(row: OpenCommand) -> bool:
    return not row.spec.is_read and (row.state is State.QUEUED or row.state in WITH_OEM)


def lane_slot(rows: Iterable[OpenCommand], row: OpenCommand) -> int | None:
    """The slot that the command takes when it is sent; None: a read takes none."""
    if row.spec.is_read:
        return None
    return OVERTAKING if any(other.state in WITH_OEM and not other.spec.is_read for other in rows) else LANE


def send_deadline(
    tx: ReadTx, vehicle_id: str, spec: CommandSpec, own: Timeouts, capabilities: Capabilities, settings: CommandSettings
) -> int:
    """Until when a command that becomes Queued now may be sent.

    A restoring command waits out everything ahead of it that can still hold the lane: what was sent, until its answer
    deadline. Of what was not, only other restoring commands may go ahead of it: their send deadline, and the answer's
    wait after it.
    """
    latest = after(tx.now, own.send)
    if not spec.is_restoring:
        return latest
    for name, state, to_be_sent, to_be_answered in tx.all(_AHEAD, vehicle_id=vehicle_id):
        if state in WITH_OEM:
            latest = max(latest, after(to_be_answered, _GRACE))
        elif state == State.QUEUED and COMMANDS[name].is_restoring:
            held = after(to_be_sent, timeouts(COMMANDS[name], capabilities, settings).answer)
            latest = max(latest, after(held, _GRACE))
    return latest


def _first_of_each(queued: Iterable[OpenCommand]) -> list[OpenCommand]:
    first: dict[str, OpenCommand] = {}
    for row in queued:
        first.setdefault(row.name, row)
    return list(first.values())


def _overtakes(row: OpenCommand, lane: Sequence[OpenCommand]) -> bool:
    """A cancel is sent while the OEM has what it cancels, and nothing else."""
    holders = [other for other in lane if other.state in WITH_OEM]
    return row.spec.overtakes and all(
        other.name == row.spec.opposite and other.state is State.ACCEPTED and _position(other) < _position(row)
        for other in holders
    )


def _in_flight(row: OpenCommand) -> bool:
    """An Unknown one counts until its answer deadline, when its coalescing ends; a restoring one not at all."""
    return row.state in UNSENT or row.state in WITH_OEM or (row.state is State.UNKNOWN and row.segment is not None)


def _position(row: OpenCommand) -> int:
    return _LAST_POSITION if row.state is State.AWAITING_APPROVAL else row.lane_number or 0
