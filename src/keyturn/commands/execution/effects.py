"""What the sending and the outcome of a command change in the vehicle's expected state and its immobilisation record.

Every effect is written in the transaction of the transition.
"""

from collections.abc import Callable

import msgspec

from keyturn.clock import after
from keyturn.commands.model.catalogue import DISABLE, IGNITION_PAIR, START, Kind
from keyturn.commands.model.lifecycle import ENGINE
from keyturn.commands.model.record import Command
from keyturn.fleet import evidence, immobilisation
from keyturn.fleet.evidence import Evidence, ExpectedState
from keyturn.fleet.immobilisation import Immobilisation, Opening
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Tx

ALERT_LASTS = 30.0
"""Seconds of horn and lights."""
_LOCATION = "location"

Change = Callable[[ExpectedState, int], dict[str, object]]

_EXECUTED: dict[str, Change] = {
    "disable_ignition": lambda _expected, _at: {"ignition_disabled": True},
    "enable_ignition": lambda expected, at: {"ignition_disabled": False, "enabled_at": max(expected.enabled_at, at)},
    "start": lambda expected, at: {
        "remote_start_active": True,
        "start_pending": False,
        "consecutive_starts": expected.consecutive_starts + 1,
        "started_at": max(expected.started_at, at),
    },
    "cancel_start": lambda _expected, _at: {"remote_start_active": False, "start_pending": False},
    "alert": lambda _expected, at: {"alert_active_until": after(at, ALERT_LASTS)},
    "cancel_alert": lambda _expected, _at: {"alert_active_until": 0},
}
"""What an executed command changes in the expected state; `at` is when the vehicle did it."""
_KEPT_WHEN_OVERTAKEN = ("consecutive_starts", "started_at", "enabled_at")
"""What a command changes even when a later one took effect before it was known."""

_TOUCHED = """
FROM immobilisation_command t JOIN command c ON c.id = t.command_id WHERE t.immobilisation_id = :immobilisation_id
"""
_OTHER_DISABLE = f"""
SELECT c.id {_TOUCHED} AND c.name = 'disable_ignition' AND c.id <> :command_id
  AND c.state IN ('Dispatching', 'Accepted', 'Unknown') ORDER BY c.sent_at DESC LIMIT 1
"""
_DISABLE_MAY_STILL_ACT = f"""
SELECT 1 {_TOUCHED} AND c.name = 'disable_ignition'
  AND (c.state IN ('Dispatching', 'Accepted') OR (c.state = 'Unknown' AND c.answer_deadline >= :instant))
"""
_LAST_ENABLE = f"""
SELECT c.id, c.sent_at {_TOUCHED} AND c.name = 'enable_ignition' AND c.state IN ('Executed', 'Verified')
ORDER BY c.completed_at DESC, c.sent_at DESC LIMIT 1
"""


def on_sent(tx: Tx, command: Command, expected: ExpectedState | None = None) -> None:
    """The intent is written: reported values of what the command changes are outdated from now on.

    `expected` is the vehicle's expected state where this transaction has read it.
    """
    if command.spec.is_read:
        return
    expected = expected or evidence.load_expected_to_change(tx, command.vehicle_id)
    changes: dict[str, object] = {"changed_at": _changed(expected, command, tx.now)}
    if command.spec.kind is Kind.ACTUATING:
        changes["actuated_at"] = tx.now
    if command.name == START:
        changes["start_pending"] = True
    _save(tx, command.vehicle_id, expected, changes)
    if command.name == DISABLE:
        immobilisation.open_for(tx, _opening(command, expected))
        immobilisation.attach_notices(tx, command.vehicle_id)
    if command.name in IGNITION_PAIR:
        immobilisation.link_command(tx, command.vehicle_id, command.id)


def on_executed(tx: Tx, command: Command, done_at: int | None) -> None:
    """The vehicle did it, or it was already so; `done_at` is when, where the OEM gives that.

    Commands take effect in the order in which the vehicle did them: a late answer to an earlier one does not undo a
    later one. Without a time from the OEM, a restoring command counts from its sending and an actuating one until now:
    of the two possible orders, the one that keeps a vehicle on record as immobilised.
    """
    if command.spec.is_read:
        _save_location(tx, command)
        return
    at = executed_at(command, tx.now)
    ordered_at = (command.sent_at or 0) if done_at is None and command.spec.is_restoring else at
    expected = evidence.load_expected_to_change(tx, command.vehicle_id)
    overtaken = any(expected.settled_at.get(name, 0) > ordered_at for name in command.spec.changes)
    changes = _EXECUTED[command.name](expected, at) if command.name in _EXECUTED else {}
    if overtaken:
        changes = {name: value for name, value in changes.items() if name in _KEPT_WHEN_OVERTAKEN}
    else:
        changes["settled_at"] = {**expected.settled_at, **dict.fromkeys(command.spec.changes, ordered_at)}
    _save(tx, command.vehicle_id, expected, {**changes, "changed_at": _changed(expected, command, at)})
    if command.name in IGNITION_PAIR:
        _executed_ignition(tx, command, expected, overtaken=overtaken)


def on_not_done(tx: Tx, command: Command) -> None:
    """It is certain that the vehicle did not do it."""
    if command.name == START:
        expected = evidence.load_expected_to_change(tx, command.vehicle_id)
        _save(tx, command.vehicle_id, expected, {"start_pending": False})
    elif command.name == DISABLE:
        _end_opening_disable(tx, command)
        _close_if_enabled(tx, command.vehicle_id)


def on_report(tx: Tx, vehicle: Vehicle, known: Evidence) -> None:
    """The vehicle reported its state: close its records where it reports that the ignition is enabled."""
    if _reports_enabled(known):
        _close_if_enabled(tx, vehicle.id)


def disable_may_still_act(tx: ReadTx, record: Immobilisation, instant: int) -> bool:
    """A disable is with the OEM, or Unknown and its answer deadline had not passed at `instant`."""
    return tx.one(_DISABLE_MAY_STILL_ACT, immobilisation_id=record.id, instant=instant) is not None


def executed_at(command: Command, now: int) -> int:
    """When the vehicle did it: the OEM's time, limited to between our sending and now."""
    reported = now if command.completed_at is None else command.completed_at
    return max(command.sent_at or 0, min(reported, now))


def _changed(expected: ExpectedState, command: Command, at: int) -> dict[str, int]:
    return expected.changed_at | {name: max(at, expected.changed_at.get(name, 0)) for name in command.spec.changes}


def _save(tx: Tx, vehicle_id: str, expected: ExpectedState, changes: dict[str, object]) -> None:
    evidence.save_expected(tx, vehicle_id, msgspec.structs.replace(expected, **changes))


def _save_location(tx: Tx, command: Command) -> None:
    """Store the position that a `location` command returned."""
    detail = msgspec.json.decode(command.detail)
    if command.name != _LOCATION or not isinstance(detail, dict):
        return
    expected = evidence.load_expected_to_change(tx, command.vehicle_id)
    at = executed_at(command, tx.now)
    position = evidence.newest_position(expected.position, detail.get("latitude"), detail.get("longitude"), at)
    _save(tx, command.vehicle_id, expected, {"position": position})


def _opening(command: Command, expected: ExpectedState) -> Opening:
    return Opening(
        command.company_id,
        command.vehicle_id,
        command.id,
        command.actor,
        command.account_id,
        command.external_id,
        expected.position,
    )


def _executed_ignition(tx: Tx, command: Command, expected: ExpectedState, *, overtaken: bool) -> None:
    """Record a disable that took effect, even where its record was closed before the late answer."""
    if not overtaken:
        if command.name == DISABLE:
            immobilisation.open_for(tx, _opening(command, expected))
        immobilisation.link_command(tx, command.vehicle_id, command.id)
        if command.name == DISABLE:
            immobilisation.confirm(tx, command.vehicle_id, command.id, ENGINE)
    _close_if_enabled(tx, command.vehicle_id)


def _end_opening_disable(tx: Tx, command: Command) -> None:
    """The disable that keeps a record open was not done: another one that was sent keeps it open, or it is closed."""
    for record in immobilisation.unfinished(tx, command.vehicle_id):
        if record.opened_by != command.id:
            continue
        other = tx.one(_OTHER_DISABLE, immobilisation_id=record.id, command_id=command.id)
        if other is not None:
            immobilisation.reassign(tx, record, other[0])
        else:
            immobilisation.close(tx, record, command.id, ENGINE)


def _close_if_enabled(tx: Tx, vehicle_id: str) -> None:
    """Close records whose vehicle is enabled: by a report or an executed enable, and no disable may act after that."""
    for record in immobilisation.unfinished(tx, vehicle_id):
        if enabled_by := _enabled_by(tx, record):
            immobilisation.close(tx, record, enabled_by, ENGINE)


def _enabled_by(tx: ReadTx, record: Immobilisation) -> str | None:
    """What ended the immobilisation, as `immobilisation.close` takes it; None: it may go on."""
    known = evidence.load(tx, record.vehicle_id)
    if shows_enabled(tx, record, known):
        return immobilisation.REPORT
    enable = tx.one(_LAST_ENABLE, immobilisation_id=record.id)
    if enable is None or known.expected.ignition_disabled:
        return None
    if not disable_may_still_act(tx, record, enable[1] or 0):
        return str(enable[0])
    return None


def shows_enabled(tx: ReadTx, record: Immobilisation, known: Evidence) -> bool:
    """The newest report shows the ignition enabled at a moment after which no disable of ours may act."""
    signal = known.report.signals.get("ignition_disabled")
    if signal is None or not _reports_enabled(known):
        return False
    return not disable_may_still_act(tx, record, signal.confirmed_at or 0)


def _reports_enabled(known: Evidence) -> bool:
    """The newest report shows the ignition enabled at a moment after every command of ours that could change it."""
    signal = known.report.signals.get("ignition_disabled")
    if signal is None or signal.value is not False:
        return False
    return (signal.confirmed_at or 0) > known.expected.changed_at.get("ignition_disabled", 0)
