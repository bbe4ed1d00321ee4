"""A clock that a test moves by hand."""


class HandClock:
    """Stands still until it is told otherwise; its monotonic clocks are `seconds`."""

    def __init__(self, instant: int = 1_000_000) -> None:
        self.instant = instant
        self.seconds = 0.0

    def now(self) -> int:
        return self.instant

    def monotonic(self) -> float:
        return self.seconds

    def boottime(self) -> float:
        return self.seconds
