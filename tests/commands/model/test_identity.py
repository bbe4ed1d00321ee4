"""Ids and codes, from a source of randomness that is handed in."""

import uuid
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.commands.admission.registration import six_digits, uuid7

AT = 1_645_557_742_000_000
"""RFC 9562, A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00."""


def bytes_of(*chunks: int) -> Callable[[int], bytes]:
    left = list(chunks)
    return lambda size: left.pop(0).to_bytes(size, "big")


def test_the_fields_are_those_of_rfc_9562() -> None:
    made = uuid7(AT + 500, bytes_of(0x98C4DC0C0C07398F))

    assert made == "017f22e2-79b0-7800-98c4-dc0c0c07398f"
    assert made.startswith(uuid7(AT, bytes_of(0))[:13])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**48 * 1000 - 1), st.integers(0, 2**64 - 1))
def test_an_id_is_a_uuid_of_version_7_with_its_milliseconds_first(now: int, chance: int) -> None:
    made = uuid7(now, bytes_of(chance))

    parsed = uuid.UUID(made)
    assert str(parsed) == made
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == now // 1000
    assert parsed.int & (2**62 - 1) == chance & (2**62 - 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**48 * 1000 - 2), st.integers(1, 10**9))
def test_ids_of_later_microseconds_sort_later_whatever_the_chance(now: int, gap: int) -> None:
    later = min(now + gap, 2**48 * 1000 - 1)

    assert uuid7(now, bytes_of(2**64 - 1)) < uuid7(later, bytes_of(0))


def test_ids_of_one_instant_differ() -> None:
    assert len({uuid7(AT) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("chance", "code"),
    [(0, "000000"), (7, "000007"), (999_999, "999999"), (1_000_000, "000000"), (4_293_999_999, "999999")],
)
def test_a_code_has_six_digits_and_keeps_its_leading_zeros(chance: int, code: str) -> None:
    assert six_digits(bytes_of(chance)) == code


@pytest.mark.parametrize("beyond", [4_294_000_000, 2**32 - 1])
def test_what_would_make_some_codes_likelier_is_drawn_again(beyond: int) -> None:
    assert six_digits(bytes_of(beyond, beyond, 42)) == "000042"


def test_codes_are_uniform() -> None:
    """Every step of a million numbers gives each code once: what is left over at the end is never used."""
    tops = Counter(six_digits(bytes_of(step * 429_400))[0] for step in range(10_000))

    assert set(tops) == set("0123456789")
    assert max(tops.values()) - min(tops.values()) < 100


def test_codes_come_from_the_systems_own_source() -> None:
    codes = {six_digits() for _ in range(200)}

    assert len(codes) > 190
    assert all(len(code) == 6 and code.isdigit() for code in codes)
