"""Approvals: a second operator sees why a vehicle is to be immobilised, and approves or rejects the command."""

from collections.abc import Mapping

import msgspec

from keyturn.admin import operators
from keyturn.admin.guards import Need, at_once, depends, reads, signed_in
from keyturn.admin.operation import Answer, Arguments, Operation, Session, needs_server
from keyturn.admin.references import resolve_company
from keyturn.clock import iso_time
from keyturn.commands.admission.registration import CommandFactory
from keyturn.commands.execution import intent
from keyturn.commands.model import lanes, lifecycle, messages, record
from keyturn.commands.model.lifecycle import response_columns
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import UNSENT, State
from keyturn.commands.operations.command_details import full_record, timeline
from keyturn.commands.preconditions.context import subject_of
from keyturn.commands.rules import policy
from keyturn.commands.rules.policy import NO_LONGER_PERMITTED, Stage
from keyturn.connectors.port import Capabilities
from keyturn.errors import OperationError
from keyturn.fleet import evidence, vehicles
from keyturn.store.port import ReadTx

_WAITING = """
SELECT c.id, c.vin, c.name, c.reason, c.case_number, c.actor, c.approve_by
FROM open_command o JOIN command c ON c.id = o.command_id
WHERE o.state = 'AwaitingApproval' AND (CAST(:company_id AS TEXT) IS NULL OR c.company_id = :company_id)
ORDER BY c.id
"""


class OneCommand(Arguments, frozen=True, kw_only=True):
    command: str
    """Id."""
    company: str | None = None


class ListApprovals(Arguments, frozen=True):
    company: str | None = None


class Approvals:
    """Approves commands. `declarations`: the capabilities of each connector, by its name."""

    def __init__(self, factory: CommandFactory, declarations: Mapping[str, Capabilities]) -> None:
        self._factory = factory
        self._declarations = declarations

    def approve(self, session: Session, arguments: OneCommand) -> Answer:
        """Check permissions, policy and evidence again: the command is Queued now, or Refused."""
        command = _awaiting(session, arguments)
        operator = session.operator
        if operator is None:
            raise OperationError("sign_in_required", "Only a signed-in operator approves.")
        if reason := operators.approval_refusal(session.tx, operator, command.actor, session.tx.now):
            raise OperationError("may_not_approve", reason)
        tx = session.tx
        lanes.lock(tx, command.vehicle_id)
        approved = msgspec.structs.replace(command, approved_by=operator.id)
        vehicle = vehicles.load(tx, command.vehicle_id)
        capabilities = self._declarations.get(vehicle.connector) if vehicle else None
        revoked = policy.revoked_reason(tx, vehicle, approved, capabilities, Stage.APPROVE)
        if revoked is not None or vehicle is None or capabilities is None:
            reason = revoked or NO_LONGER_PERMITTED
            intent.refuse_by_policy(tx, command, reason, session.actor, approved_by=operator.id)
        else:
            rows = record.open_of_vehicle(tx, vehicle.id)
            self._factory.approve(tx, approved, subject_of(approved, vehicle, capabilities, rows), session.actor)
        return _current_record(tx, command.id)


def cancel(session: Session, arguments: OneCommand) -> Answer:
    """Cancel a command that was not sent."""
    command = _owned(session, arguments)
    if command.state not in UNSENT:
        raise OperationError("not_waiting", f"Command {command.id} is {command.state}: it cannot be taken back.")
    lifecycle.move(
        session.tx,
        command,
        State.CANCELLED,
        actor=session.actor,
        detail=messages.CANCELLED_BEFORE_SENDING,
        cause="caller",
        **response_columns(command),
    )
    return _current_record(session.tx, command.id)


def _need_to_cancel(session: Session, arguments: OneCommand) -> Need:
    return Need.SIGN_IN if _owned(session, arguments).spec.is_restoring else Need.NOTHING


def reject(session: Session, arguments: OneCommand) -> Answer:
    command = _awaiting(session, arguments)
    lifecycle.move(
        session.tx, command, State.CANCELLED, actor=session.actor, detail=messages.NOT_APPROVED, cause="policy"
    )
    return _current_record(session.tx, command.id)


def list_waiting(session: Session, arguments: ListApprovals) -> Answer:
    company_id = resolve_company(session.tx, arguments.company)
    return {
        "approvals": [
            {
                "id": id_,
                "vin": vin,
                "command": name,
                "reason": reason,
                "case": case,
                "by": actor,
                "until": iso_time(until),
            }
            for id_, vin, name, reason, case, actor, until in session.tx.all(_WAITING, company_id=company_id)
        ]
    }


def approval_view(session: Session, arguments: OneCommand) -> Answer:
    """What an approver needs: the reason, the precondition results, the vehicle's reported state and the timeline."""
    command = _owned(session, arguments)
    known = evidence.load(session.tx, command.vehicle_id)
    return {
        **full_record(session.tx, command),
        "evidence": msgspec.to_builtins(known.report),
        "timeline": timeline(session.tx, command.id),
    }


def _awaiting(session: Session, arguments: OneCommand) -> Command:
    command = _owned(session, arguments)
    if command.state is not State.AWAITING_APPROVAL or session.tx.now >= (command.approve_by or 0):
        raise OperationError("not_awaiting", f"Command {command.id} does not wait for an approval.")
    return command


def _owned(session: Session, arguments: OneCommand) -> Command:
    company_id = resolve_company(session.tx, arguments.company)
    command = record.load_to_change(session.tx, arguments.command.lower())
    if command is None or (company_id is not None and command.company_id != company_id):
        raise OperationError("not_found", f"There is no command '{arguments.command}'.")
    return command


def _current_record(tx: ReadTx, command_id: str) -> Answer:
    command = record.load(tx, command_id)
    assert command is not None, "it was changed in this transaction"
    return full_record(tx, command)


OPERATIONS = (
    Operation("approval list", ListApprovals, list_waiting, role="viewer", guard=reads()),
    Operation("approval show", OneCommand, approval_view, role="viewer", guard=reads()),
    Operation(
        "approval approve",
        OneCommand,
        needs_server,
        signed_in=True,
        role="approver",
        guard=signed_in(
            "Lets an immobilisation through.",
            "It is the second person: never the requester, nor one with a conflict of interest.",
        ),
    ),
    Operation(
        "approval reject",
        OneCommand,
        reject,
        signed_in=True,
        role="approver",
        guard=at_once("Keeps a command from being sent.", "What stops must be possible at once."),
    ),
    Operation(
        "command cancel",
        OneCommand,
        cancel,
        role="approver",
        guard=depends(
            _need_to_cancel,
            "Keeps a command from being sent; again and again, a vehicle from being enabled.",
            "Stopping an actuating command must be possible at once; stopping a restoring one needs a name.",
        ),
    ),
)
