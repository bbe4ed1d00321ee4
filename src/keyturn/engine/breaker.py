"""One dead OEM holds nobody up: after failures at several vehicles in a row it is left alone for a while."""

from keyturn.clock import Clock


class Breaker:
    """Opens after uninterrupted failures at `vehicles` different vehicles, for `pause` seconds; then one call tries.

    One faulty vehicle does not open it, and restoring commands are tried through it.
    """

    def __init__(self, clock: Clock, vehicles: int, pause: float) -> None:
        self._clock = clock
        self._vehicles = vehicles
        self._pause = pause
        self._failing: set[str] = set()
        self._open_until: float | None = None

    def closed_in(self) -> float:
        """Seconds until a call may be tried; 0: now. Whoever is told 0 after a pause is the one that tries."""
        if self._open_until is None:
            return 0.0
        left = self._open_until - self._clock.monotonic()
        if left <= 0:
            self._open_until = self._clock.monotonic() + self._pause
            return 0.0
        return left

    def note(self, vehicle_id: str, *, failed: bool) -> None:
        """How a call to the OEM ended."""
        if not failed:
            self._failing.clear()
            self._open_until = None
            return
        self._failing.add(vehicle_id)
        if len(self._failing) >= self._vehicles:
            self._open_until = self._clock.monotonic() + self._pause

    @property
    def is_open(self) -> bool:
        return self._open_until is not None
