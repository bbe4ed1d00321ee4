"""Operations on the installation's time: show the clocks, and accept a wall clock that was set."""

from functools import partial

from keyturn.admin.guards import at_once, reads
from keyturn.admin.operation import Answer, Arguments, Operation, Run, Session, needs_server
from keyturn.bus.topics import CLOCK_ACCEPTED, BootId
from keyturn.clock import SECOND, iso_time
from keyturn.errors import OperationError
from keyturn.store import clock_state
from keyturn.timekeeping import Timekeeper


class ShowClock(Arguments, frozen=True):
    pass


class AcceptClock(Arguments, frozen=True):
    pass


def implementations(time: Timekeeper) -> dict[str, Run]:
    """The functions of these operations, by name; `time` is that of the open store."""
    return {"clock show": partial(show, time), "clock accept": partial(accept, time)}


def show(time: Timekeeper, session: Session, _arguments: Arguments) -> Answer:
    """`wall_ahead`: seconds by which the wall clock is ahead of the accepted time; negative: behind it."""
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
    """Takes effect at the commit. The store's time never goes back: it runs on until the wall clock has caught up."""
    clocks, acceptable, stored = show(time, session, arguments), time.accepted_state(), clock_state.load(session.tx)
    newer = stored is not None and stored.boot == time.boot and stored.accepted >= acceptable.accepted
    if not clocks["fault"] or newer:
        raise OperationError("nothing_to_accept", "The wall clock is believed: there is nothing to accept.")
    clock_state.save(session.tx, acceptable)
    session.record("clock.accepted", None, seconds=round(time.gap, 3), wall=clocks["wall"])
    session.tx.announce(CLOCK_ACCEPTED, BootId(acceptable.boot))
    return {"accepted": True, **clocks}


OPERATIONS = (
    Operation("clock show", ShowClock, needs_server, role="viewer", guard=reads()),
    Operation(
        "clock accept",
        AcceptClock,
        needs_server,
        role="approver",
        guard=at_once(
            "Makes deadlines and notices end earlier or later than was announced.",
            "Commands that act wait until it is done; the store's time never goes back.",
        ),
    ),
)
