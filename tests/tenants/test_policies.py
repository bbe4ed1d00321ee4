"""Which change of a policy loosens it."""

from typing import Any

import msgspec
import pytest

from keyturn.tenants.policies import DEFAULT, Policy, is_looser

STRICT = Policy(
    second_person=True,
    reason_required=True,
    disables_per_actor_hour=5,
    disables_per_company_day=20,
    fleet_share=2.0,
    locate_within=30.0,
    notify_first=True,
)
LOOSER: dict[str, list[Any]] = {
    "second_person": [False],
    "reason_required": [False],
    "disables_per_actor_hour": [0, 6],
    "disables_per_company_day": [0, 21],
    "fleet_share": [0.0, 2.1],
    "locate_within": [0.0, 31.0],
    "notify_first": [False],
}
TIGHTER: dict[str, Any] = {
    "disables_per_actor_hour": 4,
    "disables_per_company_day": 19,
    "fleet_share": 1.9,
    "locate_within": 29.0,
}


def test_every_rule_is_among_those_tried() -> None:
    assert set(LOOSER) == set(Policy.__struct_fields__)


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
