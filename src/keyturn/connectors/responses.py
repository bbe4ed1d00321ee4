"""TODO."""

from enum import StrEnum
from typing import Any

import msgspec

NO_ANSWER = "No answer from the vehicle."
"""The public text of a read that brought nothing."""


class OutcomeKind(StrEnum):
    """What an answer means for the command."""

    IN_PROGRESS = "in_progress"
    """The OEM has it and an operation can be asked about."""
    SUCCEEDED = "succeeded"
    """The vehicle did it, or it was already so."""
    FAILED = "failed"
    """The vehicle or the OEM says for certain that it was not done."""
    REFUSED = "refused"
    """Not done because of a precondition; `preconditions` has their numbers."""
    NOT_TAKEN = "not_taken"
    """Cannot have happened: nothing was sent, or the connector lists the answer as not taken."""
    NO_OPERATION = "no_operation"
    """2xx without a usable operation: it may have happened and the operation cannot be asked about."""
    UNCLEAR = "unclear"
    """It may have happened: lost connection, time-out, any other answer."""
    NOTHING_FOUND = "nothing_found"
    """A look-up or a question that brought nothing. It says nothing about the command."""


class Operation(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to ask the OEM about a command that it has: an id, an absolute URL, or both."""

    id: str | None = None
    url: str | None = None


class LoggedRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request to the OEM, for the timeline. Holds no secret: no headers, no token, no query values that are one."""

    request: str
    """Method and path, e.g. ``POST /vehicles/9KT.../commands/start``."""
    at: int
    duration_ms: float
    status: int | None = None
    answer: str = ""
    """The first 500 characters of the body, or what went wrong."""
    note: str = ""
    """What was not used of the answer, and why; our own words."""
    size: int | None = None
    """Bytes of the body, as far as it was read."""
    problem: str = ""
    """Why the answer brought nothing, where it was to bring something."""


class OemResponse(msgspec.Struct, frozen=True):
    """What the OEM said to one request."""

    kind: OutcomeKind
    exchange: LoggedRequest | None = None
    """The one that decided."""
    earlier: tuple[LoggedRequest, ...] = ()
    """The ones on the way to it, oldest first, such as one whose token was refused."""
    temporary: bool = False
    """NOT_TAKEN only: worth trying again."""
    operation: Operation | None = None
    """With IN_PROGRESS, and with an answer found by look-up."""
    completed_at: int | None = None
    """With SUCCEEDED or FAILED: when the vehicle did it, where the OEM says."""
    data: dict[str, Any] = {}
    """With SUCCEEDED: what the vehicle returned, under the catalogue's names."""
    detail: str | None = None
    """With FAILED: the connector's mapped text for the public `detail`; never raw OEM text."""
    preconditions: tuple[int, ...] = ()
    already_done: bool = False
    cancelled: bool = False
    """With FAILED: the OEM cancelled it and the vehicle never got it."""
    retry_after: float | None = None
    """Seconds that the OEM asks to be left alone."""

    @property
    def may_have_happened(self) -> bool:
        return self.kind not in (OutcomeKind.NOT_TAKEN, OutcomeKind.FAILED, OutcomeKind.REFUSED)


class SignalReading(msgspec.Struct, frozen=True):
    """One signal as the source gave it. `None` as value: the source flagged or nulled it."""

    value: bool | int | float | str | None
    observed_at: int | None = None
    as_of: int | None = None
    why: str = ""
    """Why there is no value although the source gave one, or why `observed_at` is not the source's."""


class StateReport(msgspec.Struct, frozen=True):
    """The answer to a state read: everything that the source said at one moment."""

    readings: dict[str, SignalReading]
    reachable: bool | None = None
    """None: the source does not say."""
    last_contact: int | None = None
    last_contact_why: str = ""
    """Why there is none although the source gave one."""
    vin: str | None = None
    """The VIN that the source says this vehicle has, where it says one."""


class StateReadResult(msgspec.Struct, frozen=True):
    """How a state read ended."""

    report: StateReport | None = None
    """None: the source did not say."""
    exchange: LoggedRequest | None = None
    """With its `problem` where there is no report. None: nothing was asked."""
