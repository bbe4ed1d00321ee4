"""Makes untrusted text safe to show on a terminal, a printed page or in an alert.

Unprintable characters could move the cursor, hide text or reverse it (bidi controls); each is replaced by a space.
"""

import json
import re

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that only change the direction of text (Unicode property Bidi_Control)."""

_ESCAPED = re.compile(r"[\x7f-\U0010ffff]")


def printable(text: str) -> str:
    """The text on one line, unprintable characters replaced by spaces."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def printable_lines(text: str) -> str:
    """As `printable`, line by line."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(value: object) -> str:
    """One line of JSON with unprintable characters escaped; decoding gives the same value."""
    return _ESCAPED.sub(_as_escape, json.dumps(value, ensure_ascii=False))


def _as_escape(found: re.Match[str]) -> str:
    char = found[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]
