"""What a transition does to our own record of the vehicle, in the transition's transaction."""

from collections.abc import Callable

import msgspec

from keyturn.audit import journal
from keyturn.clock import after
from keyturn.commands.catalogue import DISABLE, ENABLE, START, Kind
from keyturn.commands.lifecycle import ENGINE
from keyturn.commands.record import Command
from keyturn.fleet import evidence, immobilisation
from keyturn.fleet.evidence import Evidence, Track
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Tx

ALERT_LASTS = 30.0
"""Seconds of horn and lights."""

Change = Callable[[Track, int], dict[str, object]]

_EXECUTED: dict[str, Change] = {
    "disable_ignition": lambda _track, _at: {"ignition_disabled": True},
    "enable_ignition": lambda track, at: {"ignition_disabled": False, "enabled_at": max(track.enabled_at, at)},
    "start": lambda track, at: {
        "remote_start_active": True,
        "start_pending": False,
        "consecutive_starts": track.consecutive_starts + 1,
        "started_at": max(track.started_at, at),
    },
    "cancel_start": lambda _track, _at: {"remote_start_active": False, "start_pending": False},
    "alert": lambda _track, at: {"alert_active_until": after(at, ALERT_LASTS)},
    "cancel_alert": lambda _track, _at: {"alert_active_until": 0},
}
"""What an executed command leaves in our own record; `at` is when the vehicle did it."""
_COUNTED_ANYWAY = ("consecutive_starts", "started_at", "enabled_at")
"""What even a command that a later one has overtaken leaves."""

_OTHER_DISABLE = """
SELECT c.id FROM open_command o JOIN command c ON c.id = o.command_id
WHERE o.vehicle_id = :vehicle_id AND o.name = 'disable_ignition' AND c.sent_at IS NOT NULL AND c.id <> :command_id
  AND c.state IN ('Dispatching', 'Accepted', 'Unknown')
"""
_DISABLE_MAY_STILL_ACT = """
SELECT 1 FROM open_command o JOIN command c ON c.id = o.command_id
WHERE o.vehicle_id = :vehicle_id AND o.name = 'disable_ignition'
  AND (c.state IN ('Dispatching', 'Accepted') OR (c.state = 'Unknown' AND c.answer_deadline >= :instant))
"""


def on_sent(tx: Tx, command: Command) -> None:
    """The intent is written: from now on older values of what the command changes say nothing."""
    if command.spec.is_read:
        return
    known = evidence.load_to_change(tx, command.vehicle_id)
    changes: dict[str, object] = {"changed_at": _changed(known.track, command, tx.now)}
    if command.spec.kind is Kind.ACTUATING:
        changes["actuated_at"] = tx.now
    if command.name == START:
        changes["start_pending"] = True
    _save(tx, command.vehicle_id, known, changes)
    if command.name == DISABLE:
        immobilisation.open_for(tx, command.company_id, command.vehicle_id, command.id)


def on_executed(tx: Tx, command: Command, done_at: int | None) -> None:
    """The vehicle did it, or it was already so; `done_at` is when, where the OEM says.

    Commands take effect in the order in which the vehicle did them: a late answer to an earlier one does not undo what
    a later one did. Where the OEM does not say when, a restoring command counts from its sending, and one that acts may
    have acted until now: of two readings of the past, the one that keeps a vehicle on record as immobilised.
    """
    if command.spec.is_read:
        return
    at = executed_at(command, tx.now)
    ordered_at = (command.sent_at or 0) if done_at is None and command.spec.is_restoring else at
    known = evidence.load_to_change(tx, command.vehicle_id)
    overtaken = any(known.track.settled_at.get(name, 0) > ordered_at for name in command.spec.changes)
    changes = _EXECUTED[command.name](known.track, at) if command.name in _EXECUTED else {}
    if overtaken:
        changes = {name: value for name, value in changes.items() if name in _COUNTED_ANYWAY}
    else:
        changes["settled_at"] = {**known.track.settled_at, **dict.fromkeys(command.spec.changes, ordered_at)}
    _save(tx, command.vehicle_id, known, {**changes, "changed_at": _changed(known.track, command, at)})
    _executed_ignition(tx, command, overtaken=overtaken)


def on_not_done(tx: Tx, command: Command) -> None:
    """It is certain that the vehicle did not do it."""
    if command.name == START:
        known = evidence.load_to_change(tx, command.vehicle_id)
        _save(tx, command.vehicle_id, known, {"start_pending": False})
    elif command.name == DISABLE:
        _opener_is_over(tx, command)


def on_report(tx: Tx, vehicle: Vehicle, known: Evidence) -> None:
    """A report says that the ignition is enabled, after every disable of ours that could still act."""
    signal = known.report.signals.get("ignition_disabled")
    if signal is None or signal.value is not False:
        return
    record = immobilisation.open_record(tx, vehicle.id)
    if record is None or (signal.as_of or 0) <= known.track.changed_at.get("ignition_disabled", 0):
        return
    if not _disable_may_still_act(tx, vehicle.id, tx.now):
        _close(tx, record, vehicle.company_id, vehicle.id, "report")


def executed_at(command: Command, now: int) -> int:
    """When the vehicle did it: the OEM's word, bounded by our own sending and the present."""
    said = now if command.completed_at is None else command.completed_at
    return max(command.sent_at or 0, min(said, now))


def _changed(track: Track, command: Command, at: int) -> dict[str, int]:
    return track.changed_at | {name: max(at, track.changed_at.get(name, 0)) for name in command.spec.changes}


def _save(tx: Tx, vehicle_id: str, known: Evidence, changes: dict[str, object]) -> None:
    track = msgspec.structs.replace(known.track, **changes)
    evidence.save(tx, vehicle_id, Evidence(known.report, track))


def _executed_ignition(tx: Tx, command: Command, *, overtaken: bool) -> None:
    if command.name == DISABLE and overtaken:
        _opener_is_over(tx, command)
    elif command.name == DISABLE:
        immobilisation.confirm(tx, command.vehicle_id, command.id)
    elif command.name == ENABLE and not overtaken:
        _close_by_enable(tx, command)


def _opener_is_over(tx: Tx, command: Command) -> None:
    """The disable that opened the record does not keep it open any more; another one that was sent may."""
    record = immobilisation.open_record(tx, command.vehicle_id)
    if record is None or record.opened_by != command.id:
        return
    other = tx.one(_OTHER_DISABLE, vehicle_id=command.vehicle_id, command_id=command.id)
    if other is not None:
        immobilisation.attribute(tx, record, other[0])
    else:
        _close(tx, record, command.company_id, command.vehicle_id, command.id)


def _close_by_enable(tx: Tx, command: Command) -> None:
    record = immobilisation.open_record(tx, command.vehicle_id)
    if record is not None and not _disable_may_still_act(tx, command.vehicle_id, command.sent_at or 0):
        _close(tx, record, command.company_id, command.vehicle_id, command.id)


def _disable_may_still_act(tx: ReadTx, vehicle_id: str, instant: int) -> bool:
    """A disable is with the OEM, or Unknown and its answer deadline had not passed at `instant`."""
    return tx.one(_DISABLE_MAY_STILL_ACT, vehicle_id=vehicle_id, instant=instant) is not None


def _close(tx: Tx, record: immobilisation.Immobilisation, company_id: str, vehicle_id: str, closed_by: str) -> None:
    if immobilisation.close(tx, record, closed_by):
        journal.record(
            tx, "immobilisation.closed", company_id=company_id, actor=ENGINE, vehicle_id=vehicle_id, closed_by=closed_by
        )
