"""Converts an OEM's values to ours, or to None. Pure.

A position off Earth, or at 0/0 where receivers without a fix are, has no value.
"""

import math
from email.utils import parsedate_to_datetime
from typing import Any

from keyturn.clock import SECOND
from keyturn.connectors.oem_http.definition.sections import Field, Scalar
from keyturn.connectors.oem_http.definition.times import is_number

LONGEST_LEAVE = 86_400.0
"""Seconds; a longer Retry-After counts as this."""
LONGEST_TEXT = 64
"""Characters; longer text is no data point, and is not shown to the public."""


def convert_value(field: Field, raw: Any) -> Scalar | None:
    """A value by the field's `values`, or by its `scale` and `offset`; None for what is no single value."""
    if field.values:
        return field.values.get(as_text(raw))
    if field.scale is not None or field.offset is not None:
        return _scaled(field, raw)
    if isinstance(raw, str):
        return raw if len(raw) <= LONGEST_TEXT and raw.isprintable() else None
    return raw if isinstance(raw, bool | int) or (isinstance(raw, float) and math.isfinite(raw)) else None


def as_text(raw: Any) -> str:
    """A state word, error code or enum value as text; JSON's own spelling for booleans."""
    return str(raw).lower() if isinstance(raw, bool) else str(raw) if isinstance(raw, str | int | float) else ""


def retry_after(header: str | None, now: int) -> float | None:
    """Seconds of a Retry-After header: a number, or an HTTP date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        seconds = float(header) if is_number(header) else parsedate_to_datetime(header).timestamp() - now / SECOND
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_LEAVE)


def _scaled(field: Field, raw: Any) -> float | None:
    if not is_number(raw):
        return None
    value = float(raw) * (1.0 if field.scale is None else field.scale) + (field.offset or 0.0)
    return value if math.isfinite(value) else None


LIMITS = {"latitude": 90.0, "longitude": 180.0}
IMPOSSIBLE = "not a possible position"


def without_impossible(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with degrees as numbers; where latitude or longitude is impossible, neither has a value."""
    degrees = {name: _degrees(values[name], limit) for name, limit in LIMITS.items() if name in values}
    nowhere = len(degrees) == len(LIMITS) and not any(degrees.values())
    impossible = nowhere or None in degrees.values()
    return values | (dict.fromkeys(degrees) if impossible else degrees)


def _degrees(value: Any, limit: float) -> float | int | None:
    if not is_number(value):
        return None
    number = float(value) if isinstance(value, str) else value
    return number if abs(number) <= limit else None
