"""When a sending that nobody recorded an answer to is given up, in virtual time."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from verification.simulation.world.clock import START, VirtualClock
from verification.simulation.world.loop import VirtualLoop

from keyturn.clock import after
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State, Status
from keyturn.connectors.port import Capabilities
from keyturn.connectors.responses import OemResponse, OutcomeKind
from keyturn.engine.recovery import Recoverer
from keyturn.engine.vehicle_reader import Reached, VehicleReader
from keyturn.store.port import Store

ANSWER_TIMEOUT, SEND_WINDOW = 30.0, 5.0
SENT = Command(
    id="command",
    company_id="company",
    actor="application",
    vehicle_id="vehicle",
    account_id="account",
    vin="9KTCL0UD000000001",
    name="disable_ignition",
    state=State.DISPATCHING,
    fence=1,
    epoch=1,
    status=Status.PENDING,
    detail="{}",
    created_at=START,
    updated_at=START,
    send_by=after(START, SEND_WINDOW),
)


class Far:
    """An OEM that knows nothing."""

    capabilities = Capabilities(offers=frozenset(), finds_by_reference=True)

    async def find_by_reference(self, *_asked: object) -> OemResponse:
        return OemResponse(OutcomeKind.NOTHING_FOUND)


class OneVehicle:
    async def reach(self, _vehicle_id: str, _command: object = None) -> Reached:
        return Reached(cast("Any", None), cast("Any", None), cast("Any", Far()))


class Ledger:
    """A store that only tells the time, and notes when something was written."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.written: list[float] = []

    async def read(self, work: Callable[..., Any]) -> Any:
        return work(SimpleNamespace(now=self._clock.now()))

    async def write(self, _work: Callable[..., Any]) -> str:
        self.written.append(self._clock.monotonic())
        return "written"


@pytest.mark.parametrize(
    ("wall", "peer_send_timeout", "seconds"),
    [
        (0.0, SEND_WINDOW, 35.0),  # the intent is a moment old
        (20.0, SEND_WINDOW, 15.0),
        (34.0, SEND_WINDOW, SEND_WINDOW),  # the wall clock says nothing of how long ago it was written
        (3_600.0, SEND_WINDOW, SEND_WINDOW),
        (34.0, 0.0, 1.0),  # no other node
        (3_600.0, 0.0, 0.0),
    ],
)
def test_a_sending_of_another_node_is_given_up_in_time_but_never_while_that_may_send(
    wall: float, peer_send_timeout: float, seconds: float
) -> None:
    loop = VirtualLoop(None)
    clock = VirtualClock(loop.time)
    ledger = Ledger(clock)
    clock.step(wall)
    recoverer = Recoverer(
        cast("Store", ledger),
        clock,
        cast("VehicleReader", OneVehicle()),
        answer_timeout=ANSWER_TIMEOUT,
        peer_send_timeout=peer_send_timeout,
    )

    loop.run_until_complete(recoverer.recover(SENT))
    loop.close()

    assert ledger.written == [pytest.approx(seconds)]
