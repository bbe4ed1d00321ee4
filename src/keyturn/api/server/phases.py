"""Limits on the bytes and seconds that a client may take for each phase of a request."""

import asyncio
from collections.abc import Callable
from enum import Enum

import msgspec

from keyturn.config.settings import ServerSettings
from keyturn.enumeration import direct_members
from keyturn.errors import BodyTooLarge, BodyTooSlow, HeaderTooLarge, HeaderTooSlow, Refusal

_FRAMING = 8
"""Bytes of chunk framing that one byte of a body may take: a chunk of one byte takes five."""


@direct_members
class Phase(Enum):
    """Where the parser is in what the client sends."""

    BETWEEN = "between requests"
    HEAD = "in a request's head"
    BODY = "in a request's body"
    CLOSING = "nothing more is parsed"


class PhaseLimits(msgspec.Struct, frozen=True):
    """Most bytes and seconds of a phase, and the refusal beyond each."""

    size: int
    seconds: float
    too_large: type[Refusal]
    too_slow: type[Refusal]


Limits = dict[Phase, PhaseLimits]
"""A phase that is not in it has no limits."""


def phase_limits(settings: ServerSettings) -> Limits:
    """The limits of head and body, as configured; those of the body hold for its chunk framing."""
    return {
        Phase.HEAD: PhaseLimits(settings.header_limit, settings.header_timeout, HeaderTooLarge, HeaderTooSlow),
        Phase.BODY: PhaseLimits(settings.body_limit * _FRAMING, settings.body_timeout, BodyTooLarge, BodyTooSlow),
    }


class PhaseTracker:
    """The phase of one connection, the bytes received in it, and its deadline.

    `refuse` is called when a limit is exceeded; `is_paused` says whether reading waits for the response to an earlier
    request, so that the client is not to blame for a delay.
    """

    def __init__(
        self,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        refuse: Callable[[Refusal], None],
        is_paused: Callable[[], bool],
    ) -> None:
        self._limits = limits
        self._loop = loop
        self._refuse = refuse
        self._is_paused = is_paused
        self._deadline: asyncio.TimerHandle | None = None
        self.phase = Phase.BETWEEN
        self.size = 0
        """Bytes received in this phase."""

    @property
    def is_in_request(self) -> bool:
        """Whether a request is incomplete."""
        return self.phase in self._limits

    def enter(self, phase: Phase) -> None:
        """Begin a phase; the deadline of the last one is cancelled."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.phase = phase
        self.size = 0

    def enforce(self) -> None:
        """Refuse what is too large; what is still to come of this phase has to come in time."""
        limits = self._limits.get(self.phase)
        if limits is None:
            return
        if self.size > limits.size:
            self._refuse(limits.too_large())
        elif self._deadline is None:
            self.set_deadline(limits.seconds, self._expire)

    def set_deadline(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` unless another phase begins within `seconds`."""
        self._deadline = self._loop.call_later(seconds, action)

    def _expire(self) -> None:
        self._deadline = None
        if self._is_paused():
            self.enforce()
        else:
            self._refuse(self._limits[self.phase].too_slow())
