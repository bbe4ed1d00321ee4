from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

Answer = Literal["operation", "empty", "rubbish", "nothing", "drop"]


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


class Fate(msgspec.Struct, frozen=True):
    """What a fault does, for its first `tries` command calls with the same client_ref."""

    tries: int = 0
    refuses_with: int | None = None
    """Answered instead of taking the command."""
    answer: Answer = "operation"
    """What a caller hears whose command was taken."""
    lookup: bool = True


FATES: Mapping[Fault, Fate] = {
    Fault.NONE: Fate(),
    Fault.OEM_ERROR: Fate(1, refuses_with=500),
    Fault.FLAKY: Fate(2, refuses_with=503),
    Fault.NO_URL: Fate(1, answer="empty", lookup=False),
    Fault.BAD_JSON: Fate(1, answer="rubbish", lookup=False),
    Fault.NEVER_ANSWERS: Fate(1, answer="nothing"),
    Fault.DROPS: Fate(1, answer="drop"),
    Fault.LATE: Fate(),
    Fault.SLOW: Fate(),
    Fault.SILENT: Fate(),
    Fault.LIAR: Fate(),
}
