"""Every topic of the bus: its name, the type of its ids, who announces and who listens.

Delivery is a hint: a message may be lost, repeated, late or out of order. So it carries the id of a row; listeners read
the row, and periodic passes find what no message announced. Within the process that wrote the row, the message also
has the row as it was written: older ones may come later, so whatever is written by such a row is fenced.
A unit of work announces with `Tx.announce`, and the message is sent once the unit is durable; what has no row is
published on the bus directly.
"""

from dataclasses import dataclass
from typing import Generic, NewType, TypeVar

CommandId = NewType("CommandId", str)
"""A command's id (UUIDv7)."""
VehicleId = NewType("VehicleId", str)
"""A vehicle's id in the store, not its VIN."""
ChainId = NewType("ChainId", str)
"""An audit chain: its company's id, or that of the installation's own chain (`keyturn.audit.encoding.chain_of`)."""
BootId = NewType("BootId", str)
"""One boot of the machine, as `keyturn.timekeeping.machine_boot` gives it; empty: unknown."""

IdT = TypeVar("IdT", bound=str)


@dataclass(frozen=True, eq=False)
class Topic(Generic[IdT]):
    """What a message is about. The type argument is that of its ids; plain text is no topic for a type checker."""

    name: str


COMMAND_CHANGED = Topic[CommandId]("command")
"""A command's row changed. The lifecycle announces, with the row; requests that wait for a response and the engine
listen."""

COMMAND_DUE = Topic[CommandId]("due")
"""A command was registered, and it is its turn. The lifecycle announces, with the row; the engine runs the command."""

VEHICLE_HAS_WORK = Topic[VehicleId]("vehicle")
"""Another open command of the vehicle may be next. The lifecycle announces; the engine reads the open ones."""

CONFIRMATION_ISSUED = Topic[VehicleId]("confirming")
"""A confirmation code was issued for the vehicle. The command service publishes; the engine reads its state."""

COMMAND_FINAL = Topic[CommandId]("final")
"""A command's status became final. The lifecycle announces, with the row; the metric of final commands counts it."""

AUDIT_SEALED = Topic[ChainId]("sealed")
"""A chain has new sealed entries. The sealer announces; nothing listens within this process."""

CHECKPOINT_MADE = Topic[ChainId]("checkpoint")
"""A chain has a new checkpoint. The audit announces; the checkpoint shippers deliver it."""

CLOCK_ACCEPTED = Topic[BootId]("clock")
"""An operator accepted the wall clock in this boot. The administration announces; the engine reads the clocks."""
