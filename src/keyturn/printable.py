"""Text of others on its way to people: on a terminal, on a printed page, in an alert.

What is not printable could move a cursor, hide, or turn the text after it around; each such character is a blank.
"""

import json
import re

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that do nothing but turn text around (Unicode's property Bidi_Control)."""

_ESCAPED = re.compile(r"[\x7f-\U0010ffff]")


def printable(text: str) -> str:
    """On one line, as it reads."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


def printable_lines(text: str) -> str:
    """As `legible`, line by line."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(value: object) -> str:
    """One line of JSON in which what is not printable is escaped: a program reads back the same value."""
    return _ESCAPED.sub(_as_escape, json.dumps(value, ensure_ascii=False))


def _as_escape(found: re.Match[str]) -> str:
    sign = found[0]
    return sign if sign.isprintable() else json.dumps(sign)[1:-1]
