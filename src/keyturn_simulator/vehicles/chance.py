import hashlib
import math
from statistics import NormalDist

import msgspec

STANDARD_NORMAL = NormalDist()


def draw(*key: object) -> float:
    """A number in (0, 1) that depends on nothing but `key`."""
    digest = hashlib.blake2b("|".join(map(str, key)).encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / 2**48


def between(low: float, high: float, *key: object) -> float:
    return low + (high - low) * draw(*key)


class Brand(msgspec.Struct, frozen=True):
    """How quickly a brand's cloud gets through to its vehicles: log-normal around `pace` times the set median."""

    name: str
    pace: float
    spread: float


BRANDS = (Brand("Aurora", 1.0, 0.35), Brand("Borealis", 0.7, 0.25), Brand("Cumbre", 1.6, 0.6))


def latency(brand: Brand, median: float, *key: object) -> float:
    """Seconds from acceptance to the vehicle's answer."""
    return median * brand.pace * math.exp(brand.spread * STANDARD_NORMAL.inv_cdf(draw(*key)))
