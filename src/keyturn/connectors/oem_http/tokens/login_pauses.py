"""Pauses after failures of a token endpoint, by account; many OEMs lock an account that tries too often."""

import msgspec

from keyturn.clock import Clock
from keyturn.connectors.port import Account

PAUSES = (1.0, 20.0, 60.0, 120.0, 300.0)
"""Seconds after the first failure, the second, and so on; the last one repeats."""
URGENT_PAUSE = 10.0
"""Seconds, at most, for a restoring command."""


class LoginPause(msgspec.Struct, frozen=True):
    """Why the endpoint is not asked now, and for how long."""

    failure: str
    temporary: bool
    left: float
    """Seconds."""


class _Pause(msgspec.Struct, frozen=True):
    credentials: dict[str, str]
    failure: str
    temporary: bool
    failures: int
    since: float
    """On CLOCK_BOOTTIME."""
    seconds: float


class LoginPauses:
    """Pauses by account. Other credentials are tried at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pauses: dict[str, _Pause] = {}

    def current(self, account: Account, *, urgent: bool) -> LoginPause | None:
        """The pause of this account; None: the endpoint may be asked now."""
        pause = self._of(account)
        if pause is None:
            return None
        seconds = min(pause.seconds, URGENT_PAUSE) if urgent else pause.seconds
        left = pause.since + seconds - self._clock.boottime()
        return LoginPause(pause.failure, pause.temporary, left) if left > 0 else None

    def failed(self, account: Account, failure: str, retry_after: float | None, *, temporary: bool) -> float:
        """Begin a pause, and return its seconds."""
        before = self._of(account)
        failures = before.failures + 1 if before else 1
        seconds = max(PAUSES[min(failures, len(PAUSES)) - 1], retry_after or 0.0)
        now = self._clock.boottime()
        self._pauses[account.id] = _Pause(account.credentials, failure, temporary, failures, now, seconds)
        return seconds

    def succeeded(self, account: Account) -> None:
        self._pauses.pop(account.id, None)

    def _of(self, account: Account) -> _Pause | None:
        pause = self._pauses.get(account.id)
        return pause if pause and pause.credentials == account.credentials else None
