"""Checkpoints of the audit chains on demand, and the key that they are checked with."""

import msgspec

from keyturn.audit.checkpoints import make_now
from keyturn.tenants.administration import Answer, Arguments, Operation, Session


class MakeCheckpoint(Arguments, frozen=True):
    pass


class ShowKey(Arguments, frozen=True):
    pass


def make(session: Session, _: MakeCheckpoint) -> Answer:
    """Of every chain that has grown since its last one. A running server brings them out at once."""
    return {"checkpoints": [msgspec.to_builtins(signed) for signed in make_now(session.tx, session.keyring)]}


def show_key(session: Session, _: ShowKey) -> Answer:
    return {"key": session.keyring.checkpoint_key.hex()}


OPERATIONS = (
    Operation("audit checkpoint", MakeCheckpoint, make, role="admin"),
    Operation("audit key", ShowKey, show_key, role="viewer"),
)
