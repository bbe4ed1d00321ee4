"""The states of a command and the one table of its transitions."""

from enum import StrEnum

from keyturn.enumeration import direct_members


@direct_members
class State(StrEnum):
    CONFIRMING = "Confirming"
    AWAITING_APPROVAL = "AwaitingApproval"
    QUEUED = "Queued"
    DISPATCHING = "Dispatching"
    ACCEPTED = "Accepted"
    UNKNOWN = "Unknown"
    EXECUTED = "Executed"
    VERIFIED = "Verified"
    REFUSED = "Refused"
    FAILED = "Failed"
    EXPIRED = "Expired"
    CANCELLED = "Cancelled"


@direct_members
class Status(StrEnum):
    """What the API shows of a state."""

    CONFIRMATION = "Confirmation"
    PENDING = "Pending"
    SUCCESS = "Success"
    ERROR = "Error"


_S = State

TRANSITIONS: dict[State, frozenset[State]] = {
    _S.CONFIRMING: frozenset({_S.QUEUED, _S.AWAITING_APPROVAL, _S.REFUSED, _S.EXPIRED, _S.CANCELLED}),
    _S.AWAITING_APPROVAL: frozenset({_S.QUEUED, _S.REFUSED, _S.EXPIRED, _S.CANCELLED}),
    # Queued to Unknown: only commands of an older epoch, after a restore (see `execution.restore_fence`).
    _S.QUEUED: frozenset({_S.DISPATCHING, _S.REFUSED, _S.FAILED, _S.EXPIRED, _S.CANCELLED, _S.UNKNOWN}),
    _S.DISPATCHING: frozenset(
        {_S.QUEUED, _S.ACCEPTED, _S.EXECUTED, _S.FAILED, _S.REFUSED, _S.UNKNOWN, _S.EXPIRED},
    ),
    _S.ACCEPTED: frozenset({_S.EXECUTED, _S.FAILED, _S.REFUSED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.EXECUTED, _S.FAILED}),
    _S.EXECUTED: frozenset({_S.VERIFIED}),
    _S.VERIFIED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.FAILED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.CANCELLED: frozenset(),
}

STATUS: dict[State, Status] = {
    _S.CONFIRMING: Status.CONFIRMATION,
    _S.AWAITING_APPROVAL: Status.PENDING,
    _S.QUEUED: Status.PENDING,
    _S.DISPATCHING: Status.PENDING,
    _S.ACCEPTED: Status.PENDING,
    _S.UNKNOWN: Status.PENDING,
    _S.EXECUTED: Status.SUCCESS,
    _S.VERIFIED: Status.SUCCESS,
    _S.REFUSED: Status.ERROR,
    _S.FAILED: Status.ERROR,
    _S.EXPIRED: Status.ERROR,
    _S.CANCELLED: Status.ERROR,
}
"""Unknown is Pending while it can still be resolved in time; `lifecycle.expose_as_error` turns it into Error."""

WITH_OEM = frozenset({State.DISPATCHING, State.ACCEPTED})
"""The command occupies its vehicle's lane."""

LIVE = frozenset({State.AWAITING_APPROVAL, State.QUEUED, State.DISPATCHING, State.ACCEPTED, State.UNKNOWN})
"""In flight or still to be resolved. Executed is open too while it waits for its verification."""

UNSENT = frozenset({State.AWAITING_APPROVAL, State.QUEUED})
