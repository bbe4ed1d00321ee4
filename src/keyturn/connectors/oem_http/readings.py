"""Values and times as an OEM writes them become ours, or None. Pure."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from keyturn.clock import SECOND
from keyturn.connectors.oem_http.sections import Field, Scalar, Times

LATEST = 253_402_300_799 * SECOND
"""The last second of the year 9999."""
LONGEST_LEAVE = 86_400.0
"""Seconds; a Retry-After beyond it counts as this."""
LONGEST_TEXT = 64
"""Longer text is no data point, and stays out of what the public reads."""

_EPOCH_UNITS = {"s": SECOND, "ms": SECOND // 1000}


def instant(raw: Any, times: Times) -> int | None:
    """Microseconds since the epoch from RFC 3339, a local time of the definition's zone, or an epoch number."""
    try:
        if isinstance(raw, str) and not _is_number(raw):
            return _possible(_from_text(raw, times))
        return _possible(round(float(raw) * _EPOCH_UNITS[times.epoch])) if _is_number(raw) else None
    except (ValueError, OverflowError):
        return None


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
        seconds = float(header) if _is_number(header) else parsedate_to_datetime(header).timestamp() - now / SECOND
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_LEAVE)


def _scaled(field: Field, raw: Any) -> float | None:
    if not _is_number(raw):
        return None
    value = float(raw) * (1.0 if field.scale is None else field.scale) + (field.offset or 0.0)
    return value if math.isfinite(value) else None


def _from_text(text: str, times: Times) -> int | None:
    parsed = _local_or_offset(text, times.pattern)
    moment = parsed.replace(tzinfo=times.zone) if parsed.tzinfo is None else parsed
    if moment.tzinfo is None:
        return None
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * SECOND + elapsed.microseconds


def _local_or_offset(text: str, pattern: str | None) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if pattern is None:
            raise
    return datetime.strptime(text, pattern)


def _is_number(raw: Any) -> bool:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return False
    try:
        return math.isfinite(float(raw))
    except (ValueError, OverflowError):
        return False


def _possible(moment: int | None) -> int | None:
    return moment if moment is not None and 0 <= moment <= LATEST else None
