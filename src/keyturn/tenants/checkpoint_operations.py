"""Operations on the audit chains: make checkpoints, show their public key, acknowledge a restore."""

import msgspec

from keyturn.admin.guards import at_once, reads, signed_in
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.audit.checkpoints import make_checkpoints_now
from keyturn.audit.restores import acknowledge
from keyturn.audit.sealing import ChainForked
from keyturn.errors import OperationError


class MakeCheckpoint(Arguments, frozen=True):
    pass


class ShowKey(Arguments, frozen=True):
    pass


class AcknowledgeRestore(Arguments, frozen=True):
    epoch: int
    """The new one, as the restore named it."""


def make(session: Session, _: MakeCheckpoint) -> Answer:
    """Checkpoint every chain that has grown since its last one; a running server ships them at once."""
    return {
        "checkpoints": [msgspec.to_builtins(signed) for signed in make_checkpoints_now(session.tx, session.keyring)]
    }


def show_key(session: Session, _: ShowKey) -> Answer:
    return {"key": session.keyring.checkpoint_key.hex()}


def acknowledge_restore(session: Session, arguments: AcknowledgeRestore) -> Answer:
    """Record that the restore to this epoch is known; verification no longer ends with 4 because of it."""
    try:
        chains = acknowledge(session.tx, session.keyring, arguments.epoch, session.actor)
    except ChainForked:
        raise OperationError("chain_broken", "The audit chains are broken: nothing can be acknowledged.") from None
    if not chains:
        raise OperationError("restore_not_found", f"There was no restore to epoch {arguments.epoch}.")
    return {"epoch": arguments.epoch, "chains": chains}


OPERATIONS = (
    Operation(
        "audit acknowledge",
        AcknowledgeRestore,
        acknowledge_restore,
        role="admin",
        guard=signed_in(
            "Makes verification accept an unwanted restore.",
            "It is recorded with its author, and covers nothing before the fork.",
        ),
        cli_command="audit acknowledge",
    ),
    Operation(
        "audit checkpoint",
        MakeCheckpoint,
        make,
        role="admin",
        guard=at_once("Nothing: it signs the chains as they are.", "It only adds to the audit log."),
        cli_command="audit checkpoint",
    ),
    Operation("audit key", ShowKey, show_key, role="viewer", guard=reads(), cli_command="audit key"),
)
