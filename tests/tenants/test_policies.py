"""A company's rules for disables: which change of them relaxes, how they are stored, and who changes them."""

import json
from typing import Any

import msgspec
import pytest

from keyturn.clock import iso_time
from keyturn.tenants.policies import (
    DEFAULT,
    STRICTER,
    Policy,
    SetPolicy,
    Stricter,
    is_less_strict,
    is_value_less_strict,
    load,
)
from tests.support.tenant_env import TenantEnv

from .staff import NOTICE, Staff

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
    assert is_value_less_strict(stricter, after, before) is looser


@pytest.mark.parametrize(("rule", "value"), [(rule, value) for rule, values in LOOSER.items() for value in values])
def test_asking_for_less_is_looser(rule: str, value: Any) -> None:
    after = msgspec.structs.replace(STRICT, **{rule: value})

    assert is_less_strict(after, STRICT)
    assert not is_less_strict(STRICT, after)


@pytest.mark.parametrize(("rule", "value"), TIGHTER.items())
def test_asking_for_more_is_not_looser(rule: str, value: Any) -> None:
    assert not is_less_strict(msgspec.structs.replace(STRICT, **{rule: value}), STRICT)


def test_one_less_strict_rule_among_stricter_ones_relaxes() -> None:
    assert is_less_strict(msgspec.structs.replace(STRICT, **TIGHTER, notify_first=False), STRICT)


def test_any_rule_is_tighter_than_none() -> None:
    assert not is_less_strict(STRICT, DEFAULT)
    assert is_less_strict(DEFAULT, STRICT)
    assert not is_less_strict(STRICT, STRICT)


@pytest.fixture
def frota(env: TenantEnv) -> str:
    return str(env.do("company add", name="Frota")["id"])


def policy_of(env: TenantEnv, company_id: str) -> Policy:
    return env.wait(env.store.read(lambda tx: load(tx, company_id)))


def test_a_change_leaves_the_other_rules_as_they_were(env: TenantEnv, frota: str) -> None:
    other = str(env.do("company add", name="Other")["id"])
    env.do("policy set", company="Frota", second_person=True, locate_within=30.0)

    answer = env.do("policy set", company="Frota", locate_within=20.0, fleet_share=2.5)

    after = Policy(second_person=True, locate_within=20.0, fleet_share=2.5)
    assert answer == {"company": "Frota", "version": 2, **msgspec.structs.asdict(after)}
    assert policy_of(env, frota) == after
    assert policy_of(env, other) == DEFAULT


def test_every_version_is_kept_with_who_made_it_and_when(env: TenantEnv, frota: str) -> None:
    env.do("policy set", company="Frota", second_person=True)
    first = iso_time(env.clock.now())
    env.clock.advance(60)
    env.do("policy set", company="Frota", second_person=False)

    shown = env.do("policy show", company="Frota")

    default = msgspec.structs.asdict(DEFAULT)
    assert shown == {
        "company": "Frota",
        "version": 2,
        **default,
        "history": [
            {"version": 2, "made_by": "operator:local", "made_at": iso_time(env.clock.now()), **default},
            {"version": 1, "made_by": "operator:local", "made_at": first, **default, "second_person": True},
        ],
    }


def test_a_company_that_made_no_rules_has_the_default_ones(env: TenantEnv, frota: str) -> None:
    assert env.do("policy show", company="Frota") == {
        "company": "Frota",
        "version": 0,
        **msgspec.structs.asdict(DEFAULT),
        "history": [],
    }


@pytest.mark.parametrize(
    ("rules", "kind"), [({"notify_first": True}, "policy.tightened"), ({"reason_required": False}, "policy.loosened")]
)
def test_the_audit_log_says_what_was_before_and_after(
    env: TenantEnv, frota: str, rules: dict[str, bool], kind: str
) -> None:
    env.do("policy set", company="Frota", reason_required=True)

    env.do("policy set", company="Frota", **rules)

    company, body = env.rows(f"SELECT company_id, body FROM entry WHERE kind = '{kind}' ORDER BY seq DESC")[0]
    told = json.loads(body)
    before = {**msgspec.structs.asdict(DEFAULT), "reason_required": True}
    assert (company, told["version"], told["before"], told["after"]) == (frota, 2, before, {**before, **rules})


def test_what_is_as_asked_for_is_not_a_version(env: TenantEnv, frota: str) -> None:
    env.do("policy set", company="Frota", reason_required=True)

    error = env.refused("policy set", company="Frota", reason_required=True)

    assert (error.code, str(error)) == ("nothing_to_change", "The policy is as asked for already.")
    assert env.do("policy show", company="Frota")["version"] == 1


@pytest.mark.parametrize(
    ("rule", "highest"),
    [
        ("disables_per_actor_hour", 1_000_000),
        ("disables_per_company_day", 1_000_000),
        ("fleet_share", 100.0),
        ("locate_within", 43_200.0),
    ],
)
def test_a_limit_is_a_number_from_nothing_to_its_highest(env: TenantEnv, frota: str, rule: str, highest: float) -> None:
    for beyond in (-1, highest + 1):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"company": "Frota", rule: beyond}, SetPolicy, strict=False)
    for allowed in (0.5, highest) if isinstance(highest, float) else (1, highest):
        assert env.do("policy set", company="Frota", **{rule: allowed})[rule] == allowed


def test_only_an_admin_changes_a_policy_and_relaxing_it_waits(env: TenantEnv, frota: str) -> None:
    staff = Staff(env)
    staff.hire("vera", role="viewer")
    staff.settle("ana")

    assert staff.refused("policy set", "vera", company="Frota", reason_required=True) == "role_required"
    assert staff.do("policy show", "vera", company="Frota")["version"] == 0

    assert staff.do("policy set", "ana", company="Frota", reason_required=True)["version"] == 1
    waiting = staff.do("policy set", "ana", company="Frota", reason_required=False)
    assert staff.state(waiting) == "pending"
    assert policy_of(env, frota).reason_required
    staff.wait(NOTICE)
    assert not policy_of(env, frota).reason_required
