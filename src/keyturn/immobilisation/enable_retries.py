"""Enable retries: `enable_ignition` is issued again, whenever the vehicle can be reached, until it is confirmed.

A retry is a row, so it outlives the process. The operator who started it has confirmed: each enable is registered as
Queued, without a code, under its own id and in that operator's name. A retry issues no other command and delays none.
"""

import msgspec

from keyturn.audit import journal
from keyturn.clock import after, seconds_between
from keyturn.commands.admission.registration import CommandFactory
from keyturn.commands.admission.requests import CommandRequest
from keyturn.commands.model import lanes, lifecycle, record
from keyturn.commands.model.catalogue import COMMANDS, ENABLE
from keyturn.commands.model.lifecycle import ENGINE
from keyturn.commands.model.record import OpenCommand
from keyturn.commands.model.states import UNSENT, WITH_OEM, State
from keyturn.commands.preconditions.context import Subject, reported_since
from keyturn.commands.rules import policy
from keyturn.config.settings import EvidenceSettings, ImmobilisationSettings
from keyturn.connectors.port import Capabilities
from keyturn.fleet import evidence, immobilisation, vehicles
from keyturn.fleet.evidence import ReportedState
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Tx

CANCELLED = "cancelled"

_IN_FLIGHT = UNSENT | WITH_OEM


class EnableRetry(msgspec.Struct, frozen=True):
    """A retry that runs; the fields are columns of `keep_enabling`."""

    id: int
    company_id: str
    vehicle_id: str
    immobilisation_id: int | None
    """The record that was open when it started."""
    actor: str
    started_at: int
    next_at: int
    """No enable is issued before this instant."""
    issued: int
    command_id: str | None
    """The enable issued last."""


_SELECT = f"SELECT {', '.join(EnableRetry.__struct_fields__)} FROM keep_enabling WHERE ended_at IS NULL"  # noqa: S608 - column names of our own struct
_ALL = f"{_SELECT} ORDER BY started_at, id"
_BY_ID_TO_CHANGE = f"{_SELECT} AND id = :id FOR UPDATE"
_OF_VEHICLE = f"{_SELECT} AND vehicle_id = :vehicle_id"
_START = """
INSERT INTO keep_enabling
  (company_id, vehicle_id, immobilisation_id, actor, epoch, started_at, next_at, issued)
VALUES
  (:company_id, :vehicle_id, :immobilisation_id, :actor, (SELECT value FROM store_fact WHERE name = 'epoch'), :now,
   :now, 0)
ON CONFLICT DO NOTHING
"""
_NEXT = "UPDATE keep_enabling SET next_at = :next_at WHERE id = :id"
_ISSUED = "UPDATE keep_enabling SET issued = issued + 1, command_id = :command_id WHERE id = :id"
_END = "UPDATE keep_enabling SET ended_at = :now, ending = :ending WHERE id = :id AND ended_at IS NULL"
_RESTORED = """
SELECT 1 FROM keep_enabling k JOIN store_fact f ON f.name = 'epoch' AND f.value <> k.epoch WHERE k.id = :id
"""
_RECORD_CLOSED = "SELECT 1 FROM immobilisation WHERE id = :id AND state = 'closed'"


def running(tx: ReadTx) -> list[EnableRetry]:
    """Every retry that runs, oldest first."""
    return [EnableRetry(*row) for row in tx.all(_ALL)]


def of_vehicle(tx: ReadTx, vehicle_id: str) -> EnableRetry | None:
    row = tx.one(_OF_VEHICLE, vehicle_id=vehicle_id)
    return EnableRetry(*row) if row else None


def start(tx: Tx, vehicle: Vehicle, actor: str) -> None:
    """Start a retry; nothing happens where one runs already."""
    record_open = immobilisation.open_record(tx, vehicle.id)
    record_id = record_open.id if record_open else None
    where = {"company_id": vehicle.company_id, "vehicle_id": vehicle.id, "actor": actor}
    if tx.run(_START, immobilisation_id=record_id, now=tx.now, **where):
        journal.record(tx, "keep_enabling.started", **where)


def end(tx: Tx, retry: EnableRetry, ending: str, actor: str) -> None:
    if tx.run(_END, id=retry.id, ending=ending, now=tx.now):
        journal.record(
            tx,
            "keep_enabling.ended",
            company_id=retry.company_id,
            actor=actor,
            vehicle_id=retry.vehicle_id,
            ending=ending,
            issued=retry.issued,
            last=retry.command_id,
        )


def ending(tx: ReadTx, retry: EnableRetry, rules: ImmobilisationSettings) -> str | None:
    """Why the retry is over; None: it goes on."""
    if vehicles.load(tx, retry.vehicle_id) is None:
        return "vehicle_gone"
    if tx.one(_RESTORED, id=retry.id):
        return "restored"  # decisions since the backup are not known: perhaps to immobilise it again
    if retry.immobilisation_id is not None:
        if tx.one(_RECORD_CLOSED, id=retry.immobilisation_id):
            return "closed"
    elif verified := _verified(tx, retry):
        return verified
    return "time_over" if tx.now >= after(retry.started_at, rules.keep_enabling_for) else None


def end_if_over(tx: Tx, retry: EnableRetry, rules: ImmobilisationSettings) -> None:
    if why := ending(tx, retry, rules):
        end(tx, retry, why, ENGINE)


def issue(
    tx: Tx,
    retry_id: int,
    capabilities: Capabilities | None,
    factory: CommandFactory,
    rules: ImmobilisationSettings,
    evidence_rules: EvidenceSettings,
) -> None:
    """Register another enable, if it is due, useful and allowed: only a kill switch over restoring forbids it."""
    row = tx.one(_BY_ID_TO_CHANGE, id=retry_id)
    retry = EnableRetry(*row) if row else None
    if retry is None or tx.now < retry.next_at or ending(tx, retry, rules):
        return
    tx.run(_NEXT, id=retry.id, next_at=after(tx.now, rules.keep_enabling_pause))
    vehicle = vehicles.load(tx, retry.vehicle_id)
    if vehicle is None or capabilities is None:
        return
    lanes.lock(tx, vehicle.id)
    rows = record.open_of_vehicle(tx, vehicle.id)
    if _may_issue(tx, retry, vehicle, capabilities, rows, evidence_rules):
        _register(tx, retry, Subject(vehicle, COMMANDS[ENABLE], capabilities, rows), factory)


def _may_issue(
    tx: ReadTx,
    retry: EnableRetry,
    vehicle: Vehicle,
    capabilities: Capabilities,
    rows: list[OpenCommand],
    rules: EvidenceSettings,
) -> bool:
    under_way = (row for row in rows if row.name == ENABLE)
    if any(row.state in _IN_FLIGHT or _is_being_verified(tx, row) for row in under_way):
        return False
    if not vehicle.offers(ENABLE, capabilities):
        return False
    if out_of_reach(evidence.load(tx, vehicle.id).report, tx.now, rules):
        return False
    facts = policy.load_policy_input(tx, vehicle, COMMANDS[ENABLE], retry.actor)
    return policy.first_violation(facts, policy.Stage.QUEUE) is None


def _is_being_verified(tx: ReadTx, row: OpenCommand) -> bool:
    """It executed and waits for a newer report; another enable would end that wait without a result."""
    command = record.load(tx, row.command_id) if row.state is State.EXECUTED else None
    if command is None or command.verification is not None or command.spec.verified_by is None:
        return False
    known = evidence.load(tx, command.vehicle_id)
    return reported_since(known, command.spec.verified_by, newer_than=command.completed_at or 0) is None


def out_of_reach(report: ReportedState, now: int, rules: EvidenceSettings) -> bool:
    """A recent report says that the vehicle cannot be reached. Without a recent report it counts as reachable."""
    if seconds_between(report.reachable_at, now) > rules.contact_max_age:
        return False
    if report.reachable is not None:
        return not report.reachable
    return report.last_contact is not None and seconds_between(report.last_contact, now) > rules.contact_max_age


def _register(tx: Tx, retry: EnableRetry, subject: Subject, factory: CommandFactory) -> None:
    request = CommandRequest(retry.company_id, retry.actor, frozenset({ENABLE}), subject.vehicle.vin, ENABLE)
    command = factory.register(tx, request, subject)
    if command.post_code is None:
        lifecycle.record_response(tx, command, 200)  # no POST waits for it
    tx.run(_ISSUED, id=retry.id, command_id=command.id)


def _verified(tx: ReadTx, retry: EnableRetry) -> str | None:
    """How a retry without a record ended: a newer report shows it enabled, or an unverifiable enable executed.

    A report is newer when its source dates it after the enable took effect or, where none was issued yet, after the
    retry started.
    """
    known = evidence.load(tx, retry.vehicle_id)
    signal = known.report.signals.get("ignition_disabled")
    since = max(retry.started_at, known.expected.changed_at.get("ignition_disabled", 0))
    if signal is not None and signal.value is False and (signal.confirmed_at or 0) > since:
        return "verified"
    last = record.load(tx, retry.command_id) if retry.command_id else None
    if last is not None and last.state is State.VERIFIED:
        return "verified"
    return "executed" if last is not None and _is_unverifiable(last.state, last.verification) else None


def _is_unverifiable(state: State, verification: str | None) -> bool:
    return state is State.EXECUTED and verification == "not_possible"
