"""Registering a command: acceptance by evidence, superseding its opposite, its place in the lane, its deadlines."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from keyturn.clock import after
from keyturn.commands.admission.requests import CommandRequest
from keyturn.commands.model import lanes, lifecycle, messages, record
from keyturn.commands.model.catalogue import ENABLE, CommandSpec
from keyturn.commands.model.lanes import timeouts
from keyturn.commands.model.lifecycle import CONFLICT, response_columns
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import STATUS, UNSENT, State, Status
from keyturn.commands.preconditions import table
from keyturn.commands.preconditions.context import EvaluationContext, pending_names
from keyturn.commands.preconditions.evaluation import encode_results, evaluate, refusals
from keyturn.config.settings import CommandSettings, EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.fleet import evidence, which_car
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Tx

NewId = Callable[[int], str]
APPROVAL_WAIT = 900.0
"""Seconds in which somebody has to approve."""


class InitialState(msgspec.Struct):
    """What evidence and the lane made of a command at its acceptance."""

    state: State
    """Queued or Refused."""
    detail: str | None
    columns: dict[str, Any]


Rows = Sequence[OpenCommand]
Write = Callable[[Tx, Command, InitialState, int], Command]


class CommandFactory:
    """Writes new records. `new_id` makes a UUIDv7 for an instant; `epoch` is the store's."""

    def __init__(self, settings: CommandSettings, evidence_rules: EvidenceSettings, new_id: NewId, epoch: int) -> None:
        self._settings = settings
        self._new_id = new_id
        self.epoch = epoch
        self.evidence_rules = evidence_rules

    def confirming(self, tx: Tx, request: CommandRequest, vehicle: Vehicle, spec: CommandSpec) -> Command:
        """Step one of a two-step command."""
        return lifecycle.register(tx, self._new(tx, request, vehicle, spec, State.CONFIRMING, Status.CONFIRMATION))

    def register(
        self,
        tx: Tx,
        request: CommandRequest,
        vehicle: Vehicle,
        spec: CommandSpec,
        capabilities: Capabilities,
        rows: Rows,
    ) -> Command:
        """A one-step command: Queued, or Refused because evidence contradicts it. `rows`: the vehicle's open ones."""
        draft = self._new(tx, request, vehicle, spec, State.QUEUED, Status.PENDING)
        return self._admit(tx, draft, vehicle, spec, capabilities, rows, _write_new)

    def queue(
        self,
        tx: Tx,
        confirming: Command,
        vehicle: Vehicle,
        spec: CommandSpec,
        capabilities: Capabilities,
        rows: Rows,
        changes: dict[str, Any],
        *,
        awaits_approval: bool = False,
    ) -> Command:
        """A redeemed two-step command, as `register`. `changes` are columns that the redeeming request sets."""
        redeemed = {"redeemed_at": tx.now, **changes}
        if awaits_approval:
            redeemed |= {"approve_by": after(tx.now, APPROVAL_WAIT)}
        write = partial(_write_moved, actor=confirming.actor, changes=redeemed)
        return self._admit(tx, confirming, vehicle, spec, capabilities, rows, write, awaits_approval=awaits_approval)

    def approve(
        self,
        tx: Tx,
        awaiting: Command,
        vehicle: Vehicle,
        capabilities: Capabilities,
        rows: Rows,
        actor: str,
        approved_by: str,
    ) -> Command:
        """What an operator approved takes its place, or is refused because evidence contradicts it by now."""
        case = self.case(tx, vehicle, awaiting.spec, capabilities, awaiting.id, rows)
        findings = evaluate(case, self.evidence_rules)
        numbers = refusals(case, findings, acceptance=True)
        admission = _refusal(numbers) if numbers else self._admission(tx, vehicle, awaiting.spec, capabilities)
        admission.columns.update(verdicts=encode_results(findings), post_code=awaiting.post_code, post_detail=None)
        write = partial(_write_moved, actor=actor, changes={"approved_by": approved_by})
        return write(tx, awaiting, admission, 0)  # it keeps the segment that it was registered in

    def case(
        self,
        tx: ReadTx,
        vehicle: Vehicle,
        spec: CommandSpec,
        capabilities: Capabilities,
        command_id: str,
        rows: Rows,
        *,
        superseded_opposite: bool = False,
    ) -> EvaluationContext:
        """What a judgement about this command looks at now."""
        others = ((row.command_id, row.state, row.name) for row in rows)
        return EvaluationContext(
            spec=spec,
            vehicle=vehicle,
            evidence=evidence.load(tx, vehicle.id),
            capabilities=capabilities,
            pending=pending_names(others, command_id),
            now=tx.now,
            superseded_opposite=superseded_opposite,
        )

    def _admit(
        self,
        tx: Tx,
        draft: Command,
        vehicle: Vehicle,
        spec: CommandSpec,
        capabilities: Capabilities,
        rows: Rows,
        write: Write,
        *,
        awaits_approval: bool = False,
    ) -> Command:
        segment = lanes.coalescing_group(tx, vehicle.id, rows, spec)
        superseded = self._supersede(tx, rows, spec, draft.id) if spec.is_restoring else None
        left = rows if superseded is None else record.open_of_vehicle(tx, vehicle.id)
        case = self.case(tx, vehicle, spec, capabilities, draft.id, left, superseded_opposite=superseded is not None)
        findings = evaluate(case, self.evidence_rules)
        if numbers := refusals(case, findings, acceptance=True):
            admission = _refusal(numbers)
        else:
            if spec.supersedes_opposite:
                superseded = self._supersede(tx, rows, spec, draft.id)
            admission = _awaiting() if awaits_approval else self._admission(tx, vehicle, spec, capabilities)
        admission.columns.update(verdicts=encode_results(findings), supersedes=superseded)
        return write(tx, draft, admission, segment)

    def _admission(self, tx: Tx, vehicle: Vehicle, spec: CommandSpec, capabilities: Capabilities) -> InitialState:
        own = timeouts(spec, capabilities, self._settings)
        return InitialState(
            State.QUEUED,
            None,
            {
                "send_deadline": lanes.send_deadline(tx, vehicle.id, spec, own, capabilities, self._settings),
                "lane_number": None if spec.is_read else lanes.take_number(tx, vehicle.id),
                "post_until": after(tx.now, own.initiate),
                "post_code": None if own.initiate > 0 else 200,
                **_aim(tx, vehicle, spec),
            },
        )

    def _supersede(self, tx: Tx, rows: Rows, spec: CommandSpec, by: str) -> str | None:
        """Cancel the unsent opposite; the id of the last one cancelled."""
        cancelled = None
        for row in rows:
            if row.name == spec.opposite and row.state in UNSENT:
                opposite = record.load_to_change(tx, row.command_id)
                if opposite is not None and cancel_unsent(tx, opposite, messages.superseded_by(by)):
                    cancelled = row.command_id
        return cancelled

    def _new(
        self, tx: Tx, request: CommandRequest, vehicle: Vehicle, spec: CommandSpec, state: State, status: Status
    ) -> Command:
        return Command(
            id=self._new_id(tx.now),
            company_id=request.company_id,
            actor=request.application_id,
            vehicle_id=vehicle.id,
            account_id=vehicle.account_id,
            external_id=vehicle.external_id,
            vin=vehicle.vin,
            name=spec.name,
            state=state,
            fence=1,
            epoch=self.epoch,
            status=status,
            detail=lifecycle.EMPTY_DETAIL,
            created_at=tx.now,
            updated_at=tx.now,
            reason=request.reason,
            case_number=request.case_number,
        )


def _aim(tx: ReadTx, vehicle: Vehicle, spec: CommandSpec) -> dict[str, Any]:
    """A restoring command goes where it restores, and an enable to where the disable went. Any other keeps what it had.

    So a command that was asked for one car never reaches another, whatever became of the vehicle meanwhile.
    """
    if not spec.is_restoring:
        return {}
    account_id, external_id = which_car.aim(tx, vehicle) if spec.name == ENABLE else vehicle.aim
    return {"account_id": account_id, "external_id": external_id}


def cancel_unsent(tx: Tx, command: Command, detail: str) -> Command | None:
    """Cancel a command that was not sent."""
    return lifecycle.move(tx, command, State.CANCELLED, detail=detail, cause="caller", **response_columns(command))


def _refusal(numbers: tuple[int, ...]) -> InitialState:
    text = table.precondition_not_met(numbers)
    return InitialState(State.REFUSED, text, {"post_code": CONFLICT, "post_detail": text, "cause": "vehicle_state"})


def _awaiting() -> InitialState:
    """`AwaitingApproval` answers `Pending` at once: a person takes longer than a POST waits."""
    return InitialState(State.AWAITING_APPROVAL, None, {"post_code": 200})


def _write_new(tx: Tx, draft: Command, admission: InitialState, segment: int) -> Command:
    detail = lifecycle.EMPTY_DETAIL if admission.detail is None else msgspec.json.encode(admission.detail).decode()
    state = admission.state
    command = msgspec.structs.replace(draft, state=state, status=STATUS[state], detail=detail, **admission.columns)
    return lifecycle.register(tx, command, segment=segment)


def _write_moved(
    tx: Tx, draft: Command, admission: InitialState, segment: int, *, actor: str, changes: dict[str, Any]
) -> Command:
    columns = {**admission.columns, **changes}
    moved = lifecycle.move(tx, draft, admission.state, actor=actor, detail=admission.detail, segment=segment, **columns)
    assert moved is not None, "the row was read for change in this transaction"
    return moved
