"""What a connector returns: what one request to the OEM means, what a vehicle reports, and the log of both.

`OemResponse` answers two questions: may the command have happened, and is a refusal temporary? UNCLEAR is the default.
A command is sent again only after a response that proves that it has not happened and will not.
"""

from enum import StrEnum
from typing import Any

import msgspec

from keyturn.enumeration import direct_members

NO_ANSWER = "No answer from the vehicle."
"""Public text of a `location` or `diagnostics` without data."""


@direct_members
class OutcomeKind(StrEnum):
    """What a response means for the command."""

    IN_PROGRESS = "in_progress"
    """The OEM has it and an operation can be asked about."""
    SUCCEEDED = "succeeded"
    """The vehicle did it, or it was already so."""
    FAILED = "failed"
    """The vehicle or the OEM says for certain that it was not done."""
    REFUSED = "refused"
    """Not done because of a precondition; `preconditions` has their numbers."""
    NOT_TAKEN = "not_taken"
    """Cannot have happened: nothing was sent, or the response is listed as one after which nothing is done."""
    NO_OPERATION = "no_operation"
    """2xx without a usable operation: it may have happened and the operation cannot be asked about."""
    UNCLEAR = "unclear"
    """It may have happened: lost connection, time-out, any other answer."""
    NOTHING_FOUND = "nothing_found"
    """A query without a usable response. It proves nothing about the command."""


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
    """Which part of the response was not used, and why; in Keyturn's words."""
    size: int | None = None
    """Bytes of the body that were read."""
    problem: str = ""
    """Why a query had no usable response; empty where it had one."""


class OemResponse(msgspec.Struct, frozen=True):
    """What the OEM's response to one request means, and the log of that request."""

    kind: OutcomeKind
    exchange: LoggedRequest | None = None
    """The request whose response decided."""
    earlier: tuple[LoggedRequest, ...] = ()
    """Requests made before it, oldest first, such as one whose token was refused."""
    temporary: bool = False
    """NOT_TAKEN only: worth trying again."""
    operation: Operation | None = None
    """With IN_PROGRESS, and with a response of `find_by_reference`."""
    completed_at: int | None = None
    """With SUCCEEDED or FAILED: when the vehicle did it, where the OEM says."""
    data: dict[str, Any] = {}
    """With SUCCEEDED: what the vehicle returned, under the catalogue's names."""
    detail: str | None = None
    """With FAILED: the connector's mapped text for the public `detail`; never raw OEM text."""
    preconditions: tuple[int, ...] = ()
    already_done: bool = False
    cancelled: bool = False
    """With FAILED: the OEM cancelled the command and the vehicle never got it."""
    retry_after: float | None = None
    """Seconds to wait before the next request, as the OEM asks (Retry-After)."""

    @property
    def may_have_happened(self) -> bool:
        return self.kind not in (OutcomeKind.NOT_TAKEN, OutcomeKind.FAILED, OutcomeKind.REFUSED)


class SignalReading(msgspec.Struct, frozen=True):
    """One signal as the source reported it, under our name and in our unit. None: null, flagged, or not understood."""

    value: bool | int | float | str | None
    observed_at: int | None = None
    as_of: int | None = None
    why: str = ""
    """Why a value that the source gave was dropped, or why its `observed_at` was."""


class StateReport(msgspec.Struct, frozen=True):
    """A vehicle's state as its source reports it at one moment. Times are microseconds since 1970."""

    readings: dict[str, SignalReading]
    reachable: bool | None = None
    """None: not reported."""
    last_contact: int | None = None
    last_contact_why: str = ""
    """Why a time that the source gave was dropped."""
    vin: str | None = None
    """The VIN that the source reports for this vehicle, if any; another one than ours stops commands."""


class StateReadResult(msgspec.Struct, frozen=True):
    """Result of a state read: a report, or the logged request with its `problem`."""

    report: StateReport | None = None
    """None: nothing usable came."""
    exchange: LoggedRequest | None = None
    """None: nothing was requested."""
