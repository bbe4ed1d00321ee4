"""The time of the installation: what the clocks show, and an operator's word that the wall clock is right."""

from collections.abc import Callable
from functools import partial
from typing import Any

from keyturn.admin.guards import at_once, reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session, needs_server
from keyturn.bus.topics import CLOCK_ACCEPTED, BootId
from keyturn.clock import SECOND, iso_time
from keyturn.errors import OperationError
from keyturn.store import clock_state
from keyturn.timekeeping import Timekeeper


class ShowClock(Arguments, frozen=True):
    pass


class AcceptClock(Arguments, frozen=True):
    pass


def operations(time: Timekeeper | None = None) -> tuple[Operation, ...]:
    """`time` is that of the store that they work on, where one is open."""
    return (
        Operation("clock show", ShowClock, _with(time, show), role="viewer", guard=reads()),
        Operation(
            "clock accept",
            AcceptClock,
            _with(time, accept),
            role="approver",
            guard=at_once(
                "Makes deadlines and notices end at another moment than they were told.",
                "Commands that act wait until it is done; the store's time never goes back.",
            ),
        ),
    )


def show(time: Timekeeper, session: Session, _arguments: Arguments) -> Answer:
    """`wall_ahead`: seconds by which the wall clock is ahead (below 0: behind) of what is believed."""
    time.check()
    moment = session.tx.moment
    return {
        "wall": iso_time(moment.wall),
        "store": iso_time(moment.now),
        "store_ahead": moment.ahead / SECOND,
        "wall_ahead": time.gap,
        "fault": time.fault,
    }


def accept(time: Timekeeper, session: Session, arguments: AcceptClock) -> Answer:
    """Believed from the commit on. The store's time never goes back: it runs on until the wall clock has caught up."""
    shown, acceptable, kept = show(time, session, arguments), time.accepted_state(), clock_state.load(session.tx)
    if not shown["fault"] or (kept is not None and kept.boot == time.boot and kept.accepted >= acceptable.accepted):
        raise OperationError("nothing_to_accept", "The wall clock is believed: there is nothing to accept.")
    clock_state.save(session.tx, acceptable)
    session.record("clock.accepted", None, seconds=round(time.gap, 3), wall=shown["wall"])
    session.tx.announce(CLOCK_ACCEPTED, BootId(acceptable.boot))
    return {"accepted": True, **shown}


def _with(
    time: Timekeeper | None, run: Callable[[Timekeeper, Session, Any], Answer]
) -> Callable[[Session, Any], Answer]:
    return needs_server if time is None else partial(run, time)
