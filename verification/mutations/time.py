"""Deliberate bugs: the clock."""

from verification.mutations.bug import Bug

BUGS: tuple[Bug, ...] = (
    Bug(
        "a wall clock that jumped ahead is believed",
        "timekeeping.py",
        "        if abs(gap) <= self._step or (",
        "        if gap >= -self._step or (",
        "the time is right",
    ),
    Bug(
        "a step made while the process was down is believed",
        "timekeeping.py",
        "                self._wall = stored.wall\n",
        "",
        "the time is right",
    ),
    Bug(
        "a time that is ahead stands still",
        "timekeeping.py",
        "        self._newest = ran_on if ran_on - now > _SLACK else max(now, self._newest)",
        "        self._newest = max(now, self._newest)",
        "",
        test="tests/test_timekeeping.py",
    ),
    Bug(
        "a time that was accepted is not believed",
        "timekeeping.py",
        "            self._wall, self._accepted, self._gap, self._trusted_from = stored.wall, stored.accepted, 0, None",
        "            self._accepted = stored.accepted",
        "",
        test="tests/test_timekeeping.py",
    ),
)
