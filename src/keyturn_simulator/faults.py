"""Faults that a vehicle can have, and what each does to the response of a command call."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

ResponseKind = Literal["operation", "empty", "rubbish", "nothing", "drop"]


class Fault(StrEnum):
    """What goes wrong between the caller, the OEM's cloud and the vehicle."""

    NONE = "none"
    OEM_ERROR = "oem_error"
    FLAKY = "flaky"
    NO_URL = "no_url"
    BAD_JSON = "bad_json"
    NEVER_ANSWERS = "never_answers"
    DROPS = "drops"
    LATE = "late"
    SLOW = "slow"
    SILENT = "silent"
    LIAR = "liar"


class FaultEffect(msgspec.Struct, frozen=True):
    """What a fault does to the first `tries` command calls with the same client_ref."""

    tries: int = 0
    refuses_with: int | None = None
    """Answered instead of taking the command."""
    answer: ResponseKind = "operation"
    """What the response to a taken command is."""
    lookup: bool = True


FAULT_EFFECTS: Mapping[Fault, FaultEffect] = {
    Fault.NONE: FaultEffect(),
    Fault.OEM_ERROR: FaultEffect(1, refuses_with=500),
    Fault.FLAKY: FaultEffect(2, refuses_with=503),
    Fault.NO_URL: FaultEffect(1, answer="empty", lookup=False),
    Fault.BAD_JSON: FaultEffect(1, answer="rubbish", lookup=False),
    Fault.NEVER_ANSWERS: FaultEffect(1, answer="nothing"),
    Fault.DROPS: FaultEffect(1, answer="drop"),
    Fault.LATE: FaultEffect(),
    Fault.SLOW: FaultEffect(),
    Fault.SILENT: FaultEffect(),
    Fault.LIAR: FaultEffect(),
}
