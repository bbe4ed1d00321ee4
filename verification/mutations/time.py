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
    Bug(
        "a commit does not keep the clocks that it was dated by",
        "store/sqlite/writer.py",
        "self._time.moment(), self._time.unsaved())",
        "self._time.moment())",
        "",
        test="tests/store/test_clocks_kept.py",
    ),
    Bug(
        "clocks of a commit that failed are taken for kept",
        "store/sqlite/writer.py",
        "            batch.begin()\n",
        "            batch.begin()\n            self._time.saved(batch.clocks or self._time.state())\n",
        "",
        test="tests/store/test_clocks_kept.py::test_it_does_so_after_a_commit_that_failed",
    ),
    Bug(
        "a node that stops does not keep its clocks",
        "engine/engine.py",
        "        await self._clock_watch.keep()\n",
        "",
        "",
        test="tests/verification/simulation/test_clock_restart.py",
    ),
)
