"""Names of header fields do not differ by case (RFC 9110, 5.1)."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def merged(general: Mapping[str, T], own: Mapping[str, T]) -> dict[str, T]:
    """`general` with `own` instead, where both say something."""
    said = {name.lower() for name in own}
    return {**{name: value for name, value in general.items() if name.lower() not in said}, **own}
