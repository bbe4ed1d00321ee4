"""VINs as they are enrolled: what cannot be one is refused, and what is unlikely to be one is said.

The HTTP surface goes on taking VINs as they are; what is enrolled here is what they are compared with.
"""

import re

from keyturn.admin.references import registered_vin
from keyturn.errors import OperationError

LONGEST = 64
"""Characters: what the HTTP surface takes."""

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CHECK_DIGIT = 8
"""Its place, counted from 0 (49 CFR 565.15)."""


def enrolled_vin(text: str) -> str:
    """Without blanks around it, ASCII letters upper-cased. Raises `OperationError` for what cannot be a VIN."""
    vin = registered_vin(text.strip())
    if not vin or len(vin) > LONGEST:
        raise OperationError("invalid_vin", f"A VIN has 1 to {LONGEST} characters; this has {len(vin)}.")
    wrong = next((character for character in vin if character.isspace() or not character.isprintable()), None)
    if wrong is not None:
        place = vin.index(wrong) + 1
        raise OperationError(
            "invalid_vin", f"A VIN has no blanks and no invisible characters; character {place} is U+{ord(wrong):04X}."
        )
    return vin


def doubts(vin: str) -> list[str]:
    """What speaks against its being the VIN of a car: a slip of the pen, or a country that has other rules."""
    if not _VIN.fullmatch(vin):
        return ["The VIN is not 17 characters of A-Z and 0-9 without I, O and Q."]
    if vin[_CHECK_DIGIT] != check_digit(vin):
        return [
            f"The VIN's check digit is {vin[_CHECK_DIGIT]} and would be {check_digit(vin)}: in North America and China"
            " that is a wrong VIN, elsewhere it need not be."
        ]
    return []


def check_digit(vin: str) -> str:
    """Of 17 characters that may stand in a VIN."""
    worth = (_VALUES[character] if character in _VALUES else int(character) for character in vin)
    rest = sum(weight * value for weight, value in zip(_WEIGHTS, worth, strict=True)) % 11
    return "X" if rest == 10 else str(rest)
