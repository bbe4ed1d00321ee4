"""Registers commands: id, acceptance by evidence, superseding the opposite, position in the lane, deadlines."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from keyturn.clock import after
from keyturn.commands.admission.requests import CommandRequest
from keyturn.commands.model import lanes, lifecycle, messages, record
from keyturn.commands.model.catalogue import ENABLE
from keyturn.commands.model.lanes import timeouts
from keyturn.commands.model.lifecycle import CONFLICT, response_columns
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import STATUS, UNSENT, State
from keyturn.commands.preconditions import table
from keyturn.commands.preconditions.context import Subject
from keyturn.commands.preconditions.evaluation import Assessment, assess
from keyturn.commands.rules.policy import PolicyInput
from keyturn.config.settings import CommandSettings, EvidenceSettings
from keyturn.fleet import vehicles
from keyturn.store.port import ReadTx, Tx

RandomBytes = Callable[[int], bytes]
"""A source of randomness, so that a simulation can replay ids and codes."""
NewId = Callable[[int], str]
"""A new id for an instant."""
APPROVAL_WAIT = 900.0
"""Seconds within which a second person has to approve."""


class InitialState(msgspec.Struct):
    """The state of a command at its acceptance, by evidence and by the lane."""

    state: State
    """Queued, AwaitingApproval or Refused."""
    detail: str | None
    columns: dict[str, Any]
    segment: int = 0
    """Its coalescing group."""
    open_commands: Sequence[OpenCommand] = ()
    """Of the vehicle, without what was superseded."""


class NewCommand(msgspec.Struct, frozen=True):
    """A command that is about to be registered as Queued and is next in its lane, and what it was admitted by."""

    command: Command
    segment: int
    subject: Subject
    assessment: Assessment
    facts: PolicyInput | None
    """None: they were not read."""


RegisterWithIntent = Callable[[Tx, NewCommand], Command | None]
"""Registers a command together with its intent, if it can be sent at once; None: nothing was written."""


def never_with_intent(_tx: Tx, _new: NewCommand) -> None:
    """Each intent is written later, in a transaction of its own."""


class CommandFactory:
    """Writes new records. `new_id` makes a UUIDv7; `epoch` is the store's."""

    def __init__(
        self,
        settings: CommandSettings,
        evidence_rules: EvidenceSettings,
        new_id: NewId,
        epoch: int,
        register_with_intent: RegisterWithIntent = never_with_intent,
    ) -> None:
        self._register_with_intent = register_with_intent
        self._settings = settings
        self._evidence_rules = evidence_rules
        self._new_id = new_id
        self._epoch = epoch

    def confirming(self, tx: Tx, request: CommandRequest, subject: Subject) -> Command:
        """Step one of a two-step command."""
        return lifecycle.register(tx, self._draft(tx, request, subject, State.CONFIRMING))

    def register(self, tx: Tx, request: CommandRequest, subject: Subject, facts: PolicyInput | None = None) -> Command:
        """A one-step command: Queued, Dispatching if it can be sent at once, or Refused because evidence contradicts
        it. `facts` are those by which the policy allowed it.
        """
        draft = self._draft(tx, request, subject, State.QUEUED)
        assessment, initial = self._initial_state(tx, subject, draft.id)
        command = _with(draft, initial)
        due = lanes.is_next(initial.open_commands, command)
        new = NewCommand(command, initial.segment, subject, assessment, facts)
        if due and (sent := self._register_with_intent(tx, new)) is not None:
            return sent
        return lifecycle.register(tx, command, segment=initial.segment, due=due)

    def queue(
        self, tx: Tx, confirming: Command, subject: Subject, changes: dict[str, Any], *, awaits_approval: bool = False
    ) -> Command:
        """A redeemed two-step command, as `register`. `changes` are columns that the redeeming request sets."""
        redeemed = {"redeemed_at": tx.now, **changes}
        if awaits_approval:
            redeemed |= {"approve_by": after(tx.now, APPROVAL_WAIT)}
        _assessment, initial = self._initial_state(tx, subject, confirming.id, awaits_approval=awaits_approval)
        return _write_moved(tx, confirming, initial, confirming.actor, redeemed)

    def approve(self, tx: Tx, approved: Command, subject: Subject, actor: str) -> Command:
        """Queue what an operator approved, or refuse it because evidence contradicts it by now.

        `approved` names the operator in `approved_by`, which is not written yet. It keeps its coalescing group.
        """
        assessment = assess(tx, subject, self._evidence_rules)
        numbers = assessment.refusals(acceptance=True)
        number = lanes.next_number(subject.open_commands, tx.now)
        initial = _refused(numbers) if numbers else self._queued(tx, subject, number)
        initial.columns.update(verdicts=assessment.encoded(), post_code=approved.post_code, post_detail=None)
        return _write_moved(tx, approved, initial, actor, {"approved_by": approved.approved_by})

    def _initial_state(
        self, tx: Tx, subject: Subject, command_id: str, *, awaits_approval: bool = False
    ) -> tuple[Assessment, InitialState]:
        segment = lanes.coalescing_group(subject.open_commands, subject.spec, tx.now)
        number = lanes.next_number(subject.open_commands, tx.now)
        superseded = _supersede_opposite(tx, subject, command_id) if subject.spec.is_restoring else None
        if superseded is not None:
            subject = msgspec.structs.replace(_without_superseded(tx, subject), superseded_opposite=True)
        assessment = assess(tx, subject, self._evidence_rules)
        if numbers := assessment.refusals(acceptance=True):
            initial = _refused(numbers)
        else:
            if subject.spec.supersedes_opposite:
                superseded = _supersede_opposite(tx, subject, command_id)
                subject = subject if superseded is None else _without_superseded(tx, subject)
            initial = _awaiting_approval() if awaits_approval else self._queued(tx, subject, number)
        initial.columns.update(verdicts=assessment.encoded(), supersedes=superseded)
        initial.segment, initial.open_commands = segment, subject.open_commands
        return assessment, initial

    def _queued(self, tx: Tx, subject: Subject, number: int) -> InitialState:
        vehicle_id, spec = subject.vehicle.id, subject.spec
        own = timeouts(spec, subject.capabilities, self._settings)
        return InitialState(
            State.QUEUED,
            None,
            {
                "send_deadline": lanes.send_deadline(tx, vehicle_id, spec, own, subject.capabilities, self._settings),
                "lane_number": None if spec.is_read else number,
                "post_until": after(tx.now, own.initiate),
                "post_code": None if own.initiate > 0 else 200,
                **_aim(tx, subject),
            },
        )

    def _draft(self, tx: Tx, request: CommandRequest, subject: Subject, state: State) -> Command:
        vehicle = subject.vehicle
        return Command(
            id=self._new_id(tx.now),
            company_id=request.company_id,
            actor=request.application_id,
            vehicle_id=vehicle.id,
            account_id=vehicle.account_id,
            external_id=vehicle.external_id,
            vin=vehicle.vin,
            name=subject.spec.name,
            state=state,
            fence=1,
            epoch=self._epoch,
            status=STATUS[state],
            detail=lifecycle.EMPTY_DETAIL,
            created_at=tx.now,
            updated_at=tx.now,
            reason=request.reason,
            case_number=request.case_number,
        )


def _supersede_opposite(tx: Tx, subject: Subject, command_id: str) -> str | None:
    """Cancel the unsent opposite of the command `command_id`; the id of the last one cancelled."""
    cancelled = None
    for row in subject.open_commands:
        if row.name == subject.spec.opposite and row.state in UNSENT:
            opposite = record.load_to_change(tx, row.command_id)
            if opposite is not None and cancel_unsent(tx, opposite, messages.superseded_by(command_id)):
                cancelled = row.command_id
    return cancelled


def _without_superseded(tx: ReadTx, subject: Subject) -> Subject:
    return msgspec.structs.replace(subject, open_commands=record.open_of_vehicle(tx, subject.vehicle.id))


def _aim(tx: ReadTx, subject: Subject) -> dict[str, Any]:
    """The columns that name the car at the OEM, where they differ from the registration's.

    A restoring command goes to the car that it restores: an enable to the one that the disable was sent to. So a
    command never reaches another car than it was asked for, whatever became of the vehicle meanwhile.
    """
    vehicle, spec = subject.vehicle, subject.spec
    if not spec.is_restoring:
        return {}
    account_id, external_id = vehicles.current_aim(tx, vehicle) if spec.name == ENABLE else vehicle.aim
    return {"account_id": account_id, "external_id": external_id}


def cancel_unsent(tx: Tx, command: Command, detail: str) -> Command | None:
    """Cancel a command that was not sent."""
    return lifecycle.move(tx, command, State.CANCELLED, detail=detail, cause="caller", **response_columns(command))


def _refused(numbers: tuple[int, ...]) -> InitialState:
    text = table.precondition_not_met(numbers)
    return InitialState(State.REFUSED, text, {"post_code": CONFLICT, "post_detail": text, "cause": "vehicle_state"})


def _awaiting_approval() -> InitialState:
    """Its POST is answered `Pending` at once: a person takes longer than a POST waits."""
    return InitialState(State.AWAITING_APPROVAL, None, {"post_code": 200})


def _with(draft: Command, initial: InitialState) -> Command:
    detail = lifecycle.EMPTY_DETAIL if initial.detail is None else msgspec.json.encode(initial.detail).decode()
    state = initial.state
    return msgspec.structs.replace(draft, state=state, status=STATUS[state], detail=detail, **initial.columns)


def _write_moved(tx: Tx, command: Command, initial: InitialState, actor: str, changes: dict[str, Any]) -> Command:
    columns = {**initial.columns, **changes}
    detail, segment = initial.detail, initial.segment
    moved = lifecycle.move(tx, command, initial.state, actor=actor, detail=detail, segment=segment, **columns)
    assert moved is not None, "the row was read for change in this transaction"
    return moved


def uuid7(now: int, random: RandomBytes = secrets.token_bytes) -> str:
    """A UUIDv7 (RFC 9562) for the instant `now`: 48 bits of milliseconds, 12 of their fraction, 62 random ones."""
    milliseconds, micros = divmod(now, 1000)
    fraction = micros * 4096 // 1000
    tail = int.from_bytes(random(8), "big") & (1 << 62) - 1
    bits = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def six_digits(random: RandomBytes = secrets.token_bytes) -> str:
    """A confirmation code: six decimal digits, uniformly drawn, leading zeros kept."""
    ceiling = (1 << 32) - (1 << 32) % 1_000_000
    while (number := int.from_bytes(random(4), "big")) >= ceiling:
        pass
    return f"{number % 1_000_000:06d}"
