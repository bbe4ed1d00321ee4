"""Values as an OEM writes them become ours, or None. Pure."""

import math
from email.utils import parsedate_to_datetime
from typing import Any

from keyturn.clock import SECOND
from keyturn.connectors.oem_http.sections import Field, Scalar
from keyturn.connectors.oem_http.times import is_number

LONGEST_LEAVE = 86_400.0
"""Seconds; a Retry-After beyond it counts as this."""
LONGEST_TEXT = 64
"""Longer text is no data point, and stays out of what the public reads."""


def scalar(field: Field, raw: Any) -> Scalar | None:
    """A value through the field's map of words or its factor; None for what is no single value."""
    if field.values:
        return field.values.get(word(raw))
    if field.scale is not None or field.offset is not None:
        return _scaled(field, raw)
    if isinstance(raw, str):
        return raw if len(raw) <= LONGEST_TEXT and raw.isprintable() else None
    return raw if isinstance(raw, bool | int) or (isinstance(raw, float) and math.isfinite(raw)) else None


def word(raw: Any) -> str:
    """A state word, error code or enum value as text; JSON's own spelling for booleans."""
    return str(raw).lower() if isinstance(raw, bool) else str(raw) if isinstance(raw, str | int | float) else ""


def retry_after(header: str | None, now: int) -> float | None:
    """Seconds, from seconds or an HTTP date (RFC 9110, 10.2.3)."""
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
