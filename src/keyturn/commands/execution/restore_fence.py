"""After a restore, commands from before the backup are never sent: they may have been sent since the backup."""

from keyturn.commands.admission.confirmation import end_confirmation
from keyturn.commands.execution import effects
from keyturn.commands.model import lifecycle, messages, record
from keyturn.commands.model.lifecycle import response_columns
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.store.port import Tx

_UNSENT_OR_SENDING = """
SELECT o.command_id FROM open_command o JOIN command c ON c.id = o.command_id
WHERE c.epoch < :epoch AND c.state IN ('AwaitingApproval', 'Queued', 'Dispatching')
"""
_CODES = "SELECT o.command_id FROM open_code o JOIN command c ON c.id = o.command_id WHERE c.epoch < :epoch"


def fence_previous_epoch(tx: Tx, epoch: int) -> None:
    """Make every command of an older epoch that could still be sent Unknown, and void its confirmation codes."""
    for (command_id,) in tx.all(_CODES, epoch=epoch):
        end_confirmation(tx, command_id, expired=False)
    for (command_id,) in tx.all(_UNSENT_OR_SENDING, epoch=epoch):
        command = record.load_to_change(tx, command_id)
        if command is not None:
            _mark_unknown(tx, command)


def _mark_unknown(tx: Tx, command: Command) -> None:
    if command.state is State.AWAITING_APPROVAL:
        lifecycle.move(
            tx, command, State.EXPIRED, detail=messages.NOT_APPROVED, cause="internal", **response_columns(command)
        )
        return
    moved = lifecycle.move(
        tx,
        command,
        State.UNKNOWN,
        outcome="older_epoch",
        cause="internal",
        may_have_executed=True,
        answer_deadline=tx.now,
        sent_at=command.sent_at or command.created_at,
        **response_columns(command),
    )
    if moved is not None:
        if command.sent_at is None:
            effects.on_sent(tx, moved)
        lifecycle.stop_coalescing(tx, moved.id)
        lifecycle.expose_as_error(tx, moved)
