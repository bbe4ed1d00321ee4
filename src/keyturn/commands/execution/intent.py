"""The intent: the last evaluation, and the durable record that a command is about to be sent.

Permissions, policy and evidence are read from the store here, never from a cache. Nothing is sent without an intent;
its `send_by` and deadlines limit what may happen after it.
"""

from typing import Any

import msgspec

from keyturn.clock import after
from keyturn.commands.admission.registration import NewCommand
from keyturn.commands.execution import effects
from keyturn.commands.model import lanes, lifecycle, messages, record, unanswered
from keyturn.commands.model.lanes import timeouts
from keyturn.commands.model.lifecycle import CONFLICT, Intent, response_columns, response_columns_if_later
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.commands.preconditions import table
from keyturn.commands.preconditions.context import EvaluationContext, Subject, subject_of, usable_value
from keyturn.commands.preconditions.evaluation import Assessment, CheckResult, assess
from keyturn.commands.rules import policy, quota
from keyturn.commands.rules.policy import NO_LONGER_PERMITTED, Stage
from keyturn.config.settings import CommandSettings, EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.errors import blocked_by_policy
from keyturn.fleet import vehicles
from keyturn.store.port import Tx

FORBIDDEN = 403
BAD_GATEWAY = 502


class IntentRules(msgspec.Struct, frozen=True):
    """Settings for writing an intent."""

    epoch: int
    """The store's: nothing of an older one is sent."""
    commands: CommandSettings
    evidence: EvidenceSettings
    send_window: float
    """Seconds from the intent to its `send_by`."""


def write_intent(
    tx: Tx, command_id: str, capabilities: Capabilities | None, rules: IntentRules, waited_until: int | None = None
) -> Command | None:
    """Move the command to Dispatching, or to the state that its evidence, permissions or deadline require.

    `waited_until` is a `not_before` that the caller has waited for on the monotonic clock. It counts as past: while a
    wall clock that was set back catches up, the store's time does not move, and a restoring command is not held up.
    Returns the record only when it may be sent now; None: it is not its turn, or it ended here.
    """
    command = record.load_to_change(tx, command_id)
    if command is None or command.state is not State.QUEUED or command.epoch != rules.epoch:
        return None
    lanes.lock(tx, command.vehicle_id)
    rows = record.open_of_vehicle(tx, command.vehicle_id)
    sendable = lanes.sendable(rows, max(tx.now, waited_until or 0))
    row = next((row for row in sendable if row.command_id == command_id), None)
    if row is None:
        return None
    if tx.now >= (command.send_deadline or 0):
        expire(tx, command)
        return None
    vehicle = vehicles.load(tx, command.vehicle_id)
    reason = policy.revoked_reason(tx, vehicle, command, capabilities, Stage.SEND)
    if reason is not None or vehicle is None or capabilities is None:
        refuse_by_policy(tx, command, reason or NO_LONGER_PERMITTED)
        return None
    subject = subject_of(command, vehicle, capabilities, rows)
    return _evaluated(tx, command, subject, lanes.lane_slot(rows, row), rules)


def _evaluated(tx: Tx, command: Command, subject: Subject, slot: int | None, rules: IntentRules) -> Command | None:
    """Decide by the evidence and the OEM's quota of this moment."""
    assessment = assess(tx, subject, rules.evidence, fresh=True)
    if numbers := assessment.refusals(acceptance=False):
        refuse_by_evidence(tx, command, numbers, assessment)
        return None
    vehicle, oem_quota = subject.vehicle, subject.capabilities.quota
    frees_at = quota.frees_at(tx, oem_quota, command.account_id, vehicle.id)
    if frees_at is not None and not command.spec.is_restoring:
        hold_back(tx, command, frees_at, "quota")
        return None
    quota.count(tx, oem_quota, command.account_id, vehicle.id)
    return _dispatch(tx, command, assessment, slot, rules)


def hold_back_unsent(tx: Tx, command_id: str, until: int, cause: str) -> Command | None:
    """As `hold_back`, if the command is still Queued."""
    command = record.load_to_change(tx, command_id)
    return hold_back(tx, command, until, cause) if command is not None and command.state is State.QUEUED else None


def hold_back(tx: Tx, command: Command, until: int, cause: str) -> Command | None:
    """Wait until `until` before sending; Failed where the send deadline is before that."""
    if until >= (command.send_deadline or 0):
        return _not_sent(tx, command, cause, extra={"not_before": until})
    extra = {"not_before": until, "attempts": command.attempts + 1, "cause": cause}
    return lifecycle.record_note(tx, command, "held_back", extra, **extra, **response_columns_if_later(command, until))


def expire_unsent(tx: Tx, command_id: str) -> Command | None:
    """As `expire`, for a command whose send budget is spent, whatever the wall clock says."""
    command = record.load_to_change(tx, command_id)
    return expire(tx, command) if command is not None and command.state is State.QUEUED else None


def expire(tx: Tx, command: Command) -> Command | None:
    """The send deadline passed and no OEM took it: Failed where sending was tried, else Expired."""
    if command.attempts and command.sent_at is not None:
        return _not_sent(tx, command, command.cause or "oem")
    changes = {"cause": command.cause or "internal", **response_columns(command)}
    return lifecycle.move(tx, command, State.EXPIRED, detail=messages.NOT_SENT_IN_TIME, **changes)


def _not_sent(tx: Tx, command: Command, cause: str, extra: dict[str, object] | None = None) -> Command | None:
    changes = {
        "cause": cause,
        "outcome": "not_taken",
        **response_columns(command, BAD_GATEWAY, messages.NOT_SENT_TO_OEM),
    }
    return lifecycle.move(tx, command, State.FAILED, detail=messages.NOT_SENT_TO_OEM, extra=extra, **changes)


def refuse_by_policy(
    tx: Tx, command: Command, reason: str, actor: str = lifecycle.ENGINE, **also: Any
) -> Command | None:
    """Refuse a registered command that a policy rule or permission forbids now. `also` are further columns."""
    text = blocked_by_policy(reason)
    changes = {"cause": "policy", **response_columns(command, FORBIDDEN, text), **also}
    return lifecycle.move(tx, command, State.REFUSED, detail=text, actor=actor, **changes)


def refuse_by_evidence(tx: Tx, command: Command, numbers: tuple[int, ...], assessment: Assessment) -> Command | None:
    """Refuse because a precondition is contradicted, or unknown where that refuses (the vehicle was not readable)."""
    text = table.precondition_not_met(numbers)
    refusing = [result for result in assessment.results if result.number in numbers]
    contradicted = any(result.verdict is CheckResult.CONTRADICTED for result in refusing)
    failed_read = assessment.context.evidence.report.unread
    unread = None if contradicted or failed_read is None else failed_read.exchange
    changes = {
        "cause": unanswered.cause(unread, "vehicle_state"),
        "verdicts": assessment.encoded(),
        **response_columns(command, CONFLICT, text),
    }
    extra = {"exchange": msgspec.to_builtins(unread)} if unread else {}
    return lifecycle.move(tx, command, State.REFUSED, detail=text, extra=extra, **changes)


def register_with_intent(tx: Tx, new: NewCommand, rules: IntentRules) -> Command | None:
    """Register a command whose turn it is together with its intent: the judgements of both are of the same moment.

    None: nothing is written, because the command is to wait, or its intent would refuse it. A two-step or restoring
    command, and one that supersedes another, never takes this way.
    """
    command, subject, assessment = new.command, new.subject, new.assessment
    plain = not subject.spec.two_step and not subject.spec.is_restoring and command.supersedes is None
    if not plain or assessment.wants_reading():
        return None
    if policy.revoked_reason(tx, subject.vehicle, command, subject.capabilities, Stage.SEND, new.facts) is not None:
        return None
    oem_quota, vehicle_id = subject.capabilities.quota, subject.vehicle.id
    if assessment.refusals(acceptance=False) or quota.frees_at(tx, oem_quota, command.account_id, vehicle_id):
        return None
    quota.count(tx, oem_quota, command.account_id, vehicle_id)
    slot = None if subject.spec.is_read else lanes.LANE
    sent = lifecycle.register_dispatching(tx, command, new.segment, _intent(tx, command, assessment, slot, rules))
    effects.on_sent(tx, sent, assessment.context.evidence.expected)
    return sent


def _dispatch(tx: Tx, command: Command, assessment: Assessment, slot: int | None, rules: IntentRules) -> Command | None:
    intent = _intent(tx, command, assessment, slot, rules)
    moved = lifecycle.move(tx, command, State.DISPATCHING, lane_slot=slot, extra=intent.extra, **intent.columns)
    if moved is not None:
        effects.on_sent(tx, moved, assessment.context.evidence.expected)
    return moved


def _intent(tx: Tx, command: Command, assessment: Assessment, slot: int | None, rules: IntentRules) -> Intent:
    context = assessment.context
    answer_wait = timeouts(command.spec, context.capabilities, rules.commands).answer
    columns: dict[str, Any] = {
        "sent_at": tx.now,
        "send_by": min(command.send_deadline or 0, after(tx.now, rules.send_window)),
        "answer_deadline": after(tx.now, answer_wait),
        "verdicts": assessment.encoded(),
        "known_before": _known_before(context, rules),
        "may_have_executed": True,
        "cause": None,
    }
    return Intent(columns, slot, {"external_id": command.external_id, "account_id": command.account_id})


def _known_before(context: EvaluationContext, rules: IntentRules) -> str | None:
    """The verifying signal as it was known before sending; a change of it after an unclear sending is proof.

    Not while another command of its name may act: either of them could have made the change.
    """
    if context.spec.verified_by is None or context.spec.name in context.pending:
        return None
    value = usable_value(context, context.spec.verified_by.signal, rules.evidence)
    return None if value is None else msgspec.json.encode(value).decode()
