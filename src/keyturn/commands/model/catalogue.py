"""The ten commands as one table. No command takes a parameter."""

from enum import StrEnum

import msgspec

from keyturn.enumeration import direct_members


@direct_members
class Kind(StrEnum):
    """What a command does, which decides the guards that apply to it."""

    READ = "read"
    ACTUATING = "actuating"
    RESTORING = "restoring"
    """Undoes something: no guard against acting may refuse, delay or supersede it."""


class Wanted(msgspec.Struct, frozen=True):
    """The signal that verifies a command, and its value once the command took effect."""

    signal: str
    value: bool


class CommandSpec(msgspec.Struct, frozen=True):
    """One row of the catalogue. Waits are seconds."""

    name: str
    kind: Kind
    send_wait: float
    """From Queued to sending. Restoring commands: at least this, longer behind others (see `lanes.send_deadline`)."""
    answer_wait: float
    """From sending to the OEM's answer."""
    preconditions: tuple[int, ...] = ()
    two_step: bool = False
    verified_by: Wanted | None = None
    opposite: str | None = None
    changes: tuple[str, ...] = ()
    """Signals that this command can change: values from before it are not trusted any more."""
    supersedes_opposite: bool = False
    """Doors: a newer command cancels its Queued opposite unless evidence contradicts the newer."""
    overtakes: bool = False
    """May be sent while the command that it cancels is with the OEM."""
    refused_when_unknown: bool = False
    """Where the connector enforces no preconditions, missing evidence refuses it."""

    @property
    def is_read(self) -> bool:
        return self.kind is Kind.READ

    @property
    def is_restoring(self) -> bool:
        return self.kind is Kind.RESTORING


_START = ("system_power_mode", "ignition_status", "remote_start_active", "consecutive_remote_starts")
_IGNITION = ("ignition_disabled",)
_DOORS = ("doors_locked",)
_ALERT = ("remote_alert_active", "hazard_lights")

CATALOGUE: tuple[CommandSpec, ...] = (
    CommandSpec("location", Kind.READ, 60, 300),
    CommandSpec("diagnostics", Kind.READ, 60, 300),
    CommandSpec(
        "lock_door", Kind.ACTUATING, 60, 300, (1,),
        verified_by=Wanted("doors_locked", True), opposite="unlock_door", changes=_DOORS, supersedes_opposite=True,
    ),
    CommandSpec(
        "unlock_door", Kind.ACTUATING, 60, 300, (1,),
        verified_by=Wanted("doors_locked", False), opposite="lock_door", changes=_DOORS, supersedes_opposite=True,
        refused_when_unknown=True,
    ),
    CommandSpec("alert", Kind.ACTUATING, 60, 300, opposite="cancel_alert", changes=_ALERT),
    CommandSpec("cancel_alert", Kind.RESTORING, 120, 300, (2,), opposite="alert", changes=_ALERT, overtakes=True),
    CommandSpec(
        "enable_ignition", Kind.RESTORING, 120, 600, (3, 4, 13), two_step=True,
        verified_by=Wanted("ignition_disabled", False), opposite="disable_ignition", changes=_IGNITION,
    ),
    CommandSpec(
        "disable_ignition", Kind.ACTUATING, 120, 600, (3, 13), two_step=True,
        verified_by=Wanted("ignition_disabled", True), opposite="enable_ignition", changes=_IGNITION,
        refused_when_unknown=True,
    ),
    CommandSpec(
        "start", Kind.ACTUATING, 60, 300, (1, 3, 5, 6, 7, 8, 9, 10, 11),
        verified_by=Wanted("remote_start_active", True), opposite="cancel_start", changes=_START,
        refused_when_unknown=True,
    ),
    CommandSpec(
        "cancel_start", Kind.RESTORING, 120, 300, (12,),
        verified_by=Wanted("remote_start_active", False), opposite="start", changes=_START, overtakes=True,
    ),
)  # fmt: skip

COMMANDS: dict[str, CommandSpec] = {spec.name: spec for spec in CATALOGUE}

DISABLE, ENABLE, START = "disable_ignition", "enable_ignition", "start"
IGNITION_PAIR = frozenset({ENABLE, DISABLE})
READS = frozenset(spec.name for spec in CATALOGUE if spec.is_read)
RESTORING = frozenset(spec.name for spec in CATALOGUE if spec.is_restoring)
IMMOBILISABLE_OWNERSHIP = frozenset({"owned", "rented", "fleet"})
"""Ownership types of which a vehicle may be immobilised."""
