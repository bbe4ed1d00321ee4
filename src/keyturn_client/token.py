"""Bearer tokens and how long one is used."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Token:
    """A bearer token. Times are seconds since the Unix epoch, `life` is seconds."""

    value: str = field(repr=False)
    issued_at: float
    life: float

    def is_fresh(self, now: float) -> bool:
        """Whether more than half of its life is left, so that what is begun with it can also be ended."""
        return 0 <= now - self.issued_at < self.life / 2
