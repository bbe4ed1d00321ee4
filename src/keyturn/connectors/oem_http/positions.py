"""A position is two degrees that are on Earth, and not the place where satellites were not found. Pure."""

from typing import Any

from keyturn.connectors.oem_http.times import is_number

LIMITS = {"latitude": 90.0, "longitude": 180.0}
IMPOSSIBLE = "not a possible position"


def without_impossible(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with degrees as numbers; where latitude or longitude cannot be true, neither has a value."""
    degrees = {name: _degrees(values[name], limit) for name, limit in LIMITS.items() if name in values}
    nowhere = len(degrees) == len(LIMITS) and not any(degrees.values())
    impossible = nowhere or None in degrees.values()
    return values | (dict.fromkeys(degrees) if impossible else degrees)


def _degrees(value: Any, limit: float) -> float | int | None:
    if not is_number(value):
        return None
    number = float(value) if isinstance(value, str) else value
    return number if abs(number) <= limit else None
