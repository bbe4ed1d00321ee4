"""What signed checkpoints find that the chains themselves cannot, and what is wrong with checkpoints."""

import pytest

from tests.support.audit_env import KEYRING, OTHER_KEYRING, AuditEnv, faults, rewrite

A = "company-a"


def test_a_tail_cut_off_with_its_head_is_missed_by_the_newest_checkpoint(env: AuditEnv) -> None:
    env.cut(8, head=True)

    assert faults(env.verify()) == [("cut", A, 9)]


def test_a_tail_cut_off_with_its_checkpoints_is_missed_by_those_kept_elsewhere(env: AuditEnv) -> None:
    kept = env.checkpoint()
    env.cut(8, head=True)
    env.tamper("DELETE FROM chain_checkpoint WHERE chain = 'company-a'")

    assert faults(env.verify()) == []
    assert ("cut", A, 9) in faults(env.verify(kept=kept))


def test_a_chain_rewritten_as_a_whole_is_found_by_the_signed_checkpoint_alone(env: AuditEnv) -> None:
    rewrite(env, 3)
    assert faults(env.verify()) == [("rewritten", A, 10)]

    env.tamper("DELETE FROM chain_checkpoint WHERE chain = 'company-a'")

    assert faults(env.verify()) == []


def test_a_rewrite_after_the_checkpoint_is_found_by_the_next_one(env: AuditEnv) -> None:
    kept = env.checkpoint()
    rewrite(env, 12)

    assert faults(env.verify()) == [("rewritten", A, 12)]
    assert kept


@pytest.mark.parametrize("column", ["statement", "signature"])
def test_a_forged_checkpoint_is_named(env: AuditEnv, column: str) -> None:
    old, new = ('number":10', 'number":11') if column == "statement" else ("", "00")
    value = f"replace({column}, '{old}', '{new}')" if old else f"'00' || substr({column}, 3)"
    env.tamper(f"UPDATE chain_checkpoint SET {column} = {value} WHERE chain = 'company-a'")

    assert [fault[:2] for fault in faults(env.verify())] == [("forged", A)]


def test_a_checkpoint_signed_with_another_key_is_forged(env: AuditEnv) -> None:
    env.checkpoint(OTHER_KEYRING)

    assert faults(env.verify()) == []
    assert ("forged", A, 12) in faults(env.verify(keys=[KEYRING.checkpoint_key]))


def test_swapped_checkpoints_are_reported(env: AuditEnv) -> None:
    env.tamper(
        "UPDATE chain_checkpoint SET chain = 'x' WHERE chain = 'company-a'",
        "UPDATE chain_checkpoint SET chain = 'company-a' WHERE chain = 'company-b'",
        "UPDATE chain_checkpoint SET chain = 'company-b' WHERE chain = 'x'",
    )

    assert {fault[0] for fault in faults(env.verify())} == {"swapped"}


def test_a_checkpoint_of_another_installation_is_reported(env: AuditEnv) -> None:
    env.tamper("UPDATE store_fact SET value = 'another' WHERE name = 'installation'")

    assert {fault[0] for fault in faults(env.verify())} == {"swapped"}


def test_a_checkpoint_taken_out_of_the_middle_is_missed(env: AuditEnv) -> None:
    env.checkpoint()
    env.tamper("DELETE FROM chain_checkpoint WHERE chain = 'company-a' AND number = 10")

    assert faults(env.verify()) == [("checkpoint_removed", A, 12)]
