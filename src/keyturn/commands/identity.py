"""Ids and codes. Both come from a source of randomness that is handed in, so that a simulation can replay them."""

import secrets
from collections.abc import Callable

RandomBytes = Callable[[int], bytes]


def uuid7(now: int, random: RandomBytes = secrets.token_bytes) -> str:
    """A UUIDv7 (RFC 9562) for the instant `now`: 48 bits of milliseconds, 12 of their fraction, 62 random ones."""
    milliseconds, micros = divmod(now, 1000)
    fraction = micros * 4096 // 1000
    tail = int.from_bytes(random(8), "big") & (1 << 62) - 1
    bits = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def six_digits(random: RandomBytes = secrets.token_bytes) -> str:
    """A confirmation code: six decimal digits, uniformly drawn, leading zeros kept."""
    ceiling = (1 << 32) - (1 << 32) % 1_000_000
    while (number := int.from_bytes(random(4), "big")) >= ceiling:
        pass
    return f"{number % 1_000_000:06d}"
