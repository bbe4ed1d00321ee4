"""The table of administration operations, row by row: the least role, and how somebody has to have signed in."""

import pytest

from keyturn.operations import OPERATIONS
from keyturn.tenants.policies import DEFAULT, Policy

ADMIN = {
    "account add", "account set", "alerts test", "application add", "application rotate-secret", "application set",
    "audit acknowledge", "audit checkpoint", "backup", "change approve", "change collect", "change withdraw",
    "company add", "company set", "immobilisation close", "limit lift", "operator add", "operator set", "plan add",
    "plan set", "policy set", "vehicle add", "vehicle set",
}  # fmt: skip
APPROVER = {
    "approval approve", "approval reject", "clock accept", "command cancel", "keep-enabling cancel",
    "keep-enabling start", "notice add", "switch release", "switch throw",
}  # fmt: skip
VIEWER = {
    "approval list", "approval show", "audit key", "clock show", "command dossier", "immobilisation list",
    "keep-enabling list", "limit list", "policy show", "switch list", "vehicle ready",
}  # fmt: skip
SIGNED_IN = {"approval approve", "approval reject", "change approve", "change collect"}
DESPITE_A_LOCK = {"change withdraw"}
ROWS = {operation.name: operation for operation in OPERATIONS}


@pytest.mark.parametrize(("role", "names"), [("admin", ADMIN), ("approver", APPROVER), ("viewer", VIEWER)])
def test_each_role_has_its_operations(role: str, names: set[str]) -> None:
    assert {name for name, row in ROWS.items() if row.role == role} == names


def test_what_anybody_may_is_to_look_and_to_keep_ones_own_credentials() -> None:
    open_to_all = {name for name, row in ROWS.items() if row.role is None}

    assert {name.split(" ")[1] for name in open_to_all if not name.startswith("operator ")} <= {"list", "show"}
    assert {name for name in open_to_all if name.startswith("operator ")} == {
        "operator accept", "operator enrol-totp", "operator list", "operator reset-totp", "operator set-password",
        "operator show",
    }  # fmt: skip


def test_decision_needs_a_second_factor() -> None:
    assert {name for name, row in ROWS.items() if row.signed_in} == SIGNED_IN


def test_a_change_is_withdrawn_although_sign_ins_are_locked() -> None:
    assert {name for name, row in ROWS.items() if row.despite_lock} == DESPITE_A_LOCK


def test_every_row_says_in_words_what_it_harms() -> None:
    assert [name for name, row in ROWS.items() if not str(row.guard.risk).endswith(".")] == []
    assert [name for name, row in ROWS.items() if row.guard.rationale and not row.guard.rationale.endswith(".")] == []
    assert all(isinstance(text, str) for row in ROWS.values() for text in (row.guard.risk, row.guard.rationale))


def test_without_a_rule_of_its_own_a_company_asks_for_nothing_more_than_the_contract() -> None:
    assert Policy() == DEFAULT
    assert not any(getattr(DEFAULT, name) for name in Policy.__struct_fields__)
