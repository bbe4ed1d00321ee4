"""How large and how slow what a client sends may be, phase by phase."""

from enum import Enum

import msgspec

from keyturn.config.settings import ServerSettings
from keyturn.errors import BodyTooLarge, BodyTooSlow, HeaderTooLarge, HeaderTooSlow, Refusal

_FRAMING = 8
"""Bytes of chunk framing that one byte of a body may take: a chunk of one byte takes five."""


class Phase(Enum):
    """Where the parser stands in what the client sends."""

    BETWEEN = "between requests"
    HEAD = "in a request's head"
    BODY = "in a request's body"
    DEAF = "nothing more is parsed"


class Bounds(msgspec.Struct, frozen=True):
    """How many bytes and seconds a phase may take, and how going beyond is refused."""

    size: int
    seconds: float
    too_large: type[Refusal]
    too_slow: type[Refusal]


def phase_bounds(settings: ServerSettings) -> dict[Phase, Bounds]:
    return {
        Phase.HEAD: Bounds(settings.header_limit, settings.header_timeout, HeaderTooLarge, HeaderTooSlow),
        Phase.BODY: Bounds(settings.body_limit * _FRAMING, settings.body_timeout, BodyTooLarge, BodyTooSlow),
    }
