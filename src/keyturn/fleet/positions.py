"""Where a vehicle was, as far as anybody said."""

from typing import TypeGuard

import msgspec


class Position(msgspec.Struct, frozen=True):
    """Degrees, at the instant `at`."""

    latitude: float
    longitude: float
    at: int


def newest(known: Position | None, latitude: object, longitude: object, at: int) -> Position | None:
    """What was said at the instant `at`, where it is a place on Earth and nothing newer is known."""
    if not _within(latitude, 90.0) or not _within(longitude, 180.0) or (known is not None and known.at > at):
        return known
    if latitude == longitude == 0:  # what receivers say that have not found their place
        return known
    return Position(float(latitude), float(longitude), at)


def _within(degrees: object, limit: float) -> TypeGuard[float]:
    return isinstance(degrees, int | float) and not isinstance(degrees, bool) and abs(degrees) <= limit
