"""Which change of a policy loosens it."""

from typing import Any

import msgspec
import pytest

from keyturn.tenants.policies import DEFAULT, STRICTER, Policy, Stricter, asks_for_less, is_looser

STRICT = Policy(
    second_person=True,
    reason_required=True,
    disables_per_actor_hour=5,
    disables_per_company_day=20,
    fleet_share=2.0,
    locate_within=30.0,
    notify_first=True,
    ignition_v2=True,
)
LOOSER: dict[str, list[Any]] = {
    "second_person": [False],
    "reason_required": [False],
    "disables_per_actor_hour": [0, 6],
    "disables_per_company_day": [0, 21],
    "fleet_share": [0.0, 2.1],
    "locate_within": [0.0, 31.0],
    "notify_first": [False],
    "ignition_v2": [False],
}
TIGHTER: dict[str, Any] = {
    "disables_per_actor_hour": 4,
    "disables_per_company_day": 19,
    "fleet_share": 1.9,
    "locate_within": 29.0,
}


def test_every_rule_is_among_those_tried() -> None:
    assert set(LOOSER) == set(Policy.__struct_fields__)


def test_every_rule_says_which_direction_is_stricter() -> None:
    """One that does not would be guessed at."""
    assert list(STRICTER) == list(Policy.__struct_fields__)
    kinds = {type(getattr(DEFAULT, rule)) for rule, stricter in STRICTER.items() if stricter is Stricter.TRUE}
    assert kinds == {bool}


@pytest.mark.parametrize(
    ("stricter", "before", "after", "looser"),
    [
        (Stricter.LESS, 5, 6, True),
        (Stricter.LESS, 5, 4, False),
        (Stricter.LESS, 5, 0, True),
        (Stricter.LESS, 0, 5, False),
        (Stricter.LESS, 0, 0, False),
        (Stricter.MORE, 5, 6, False),
        (Stricter.MORE, 5, 4, True),
        (Stricter.MORE, 5, 0, True),
        (Stricter.MORE, 0, 5, False),
        (Stricter.MORE, 0.5, 0.4, True),
        (Stricter.TRUE, True, False, True),
        (Stricter.TRUE, False, True, False),
        (Stricter.TRUE, True, True, False),
    ],
)
def test_a_direction_decides_what_asks_for_less(stricter: Stricter, before: float, after: float, looser: bool) -> None:
    assert asks_for_less(stricter, after, before) is looser


@pytest.mark.parametrize(("rule", "value"), [(rule, value) for rule, values in LOOSER.items() for value in values])
def test_asking_for_less_is_looser(rule: str, value: Any) -> None:
    after = msgspec.structs.replace(STRICT, **{rule: value})

    assert is_looser(after, STRICT)
    assert not is_looser(STRICT, after)


@pytest.mark.parametrize(("rule", "value"), TIGHTER.items())
def test_asking_for_more_is_not(rule: str, value: Any) -> None:
    assert not is_looser(msgspec.structs.replace(STRICT, **{rule: value}), STRICT)


def test_one_looser_rule_among_tighter_ones_loosens() -> None:
    assert is_looser(msgspec.structs.replace(STRICT, **TIGHTER, notify_first=False), STRICT)


def test_any_rule_is_tighter_than_none() -> None:
    assert not is_looser(STRICT, DEFAULT)
    assert is_looser(DEFAULT, STRICT)
    assert not is_looser(STRICT, STRICT)
