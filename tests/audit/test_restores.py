"""A restore is on record in every chain, and excuses only what lies beyond the fork that it names."""

import json
from pathlib import Path

import msgspec
import pytest

from keyturn.admin.backup_restore import restore
from keyturn.audit.checkpoints import SignedStatement
from keyturn.audit.findings import FindingKind
from keyturn.audit.restores import RestoreStatement, acknowledge
from tests.support.audit_env import KEYRING, OTHER_KEYRING, AuditEnv, faults, restored, rewrite

from ..store.adapters import database

A = "company-a"
_WRITE = """
INSERT INTO entry (company_id, at, actor, kind, body) VALUES (:a, 1800000000000000, 'x', 'store.restored', :body)
"""
KEY = [KEYRING.checkpoint_key]


def what(env: AuditEnv, **options: object) -> set[str]:
    """Everything that is found, notes included."""
    return {finding.what.value for finding in env.verify(keys=KEY, **options).findings}  # type: ignore[arg-type]


def test_an_honest_restore_is_sound_at_once_and_waits_for_its_acknowledgement(
    env: AuditEnv, backup: Path, kept: list[SignedStatement]
) -> None:
    assert env.restore(backup) == 2

    report = env.verify(keys=KEY, kept=kept)
    assert faults(report) == []
    assert {finding.company for finding in report.unacknowledged} == {A, "company-b", None}
    assert {finding.what for finding in report.findings} == {FindingKind.RESTORED, FindingKind.UNACKNOWLEDGED}
    assert env.verify(keys=KEY, kept=kept, acknowledged=(2,)).unacknowledged == []
    assert env.verify(keys=KEY, kept=kept, acknowledged=(1, 3)).unacknowledged != []


def test_restore_is_the_first_entry_of_each_chain_and_says_what_was_found_and_lost_and_by_whom(
    env: AuditEnv, backup: Path, kept: list[SignedStatement]
) -> None:
    lost = dict(env.rows("SELECT chain, number FROM chain_head"))
    env.restore(backup)

    entries = restored(env)
    assert [company for company, _body in entries] == [None, A, "company-b"]
    for company, body in entries:
        statement = msgspec.json.decode(str(body["statement"]), type=RestoreStatement)
        (hash_there,) = env.rows(
            "SELECT hash FROM entry WHERE coalesce(company_id, '') = :chain AND number = 12", chain=company or ""
        )[0]
        assert (statement.company, statement.epoch, statement.found.epoch, statement.found.number) == (
            company,
            2,
            1,
            12,
        )
        assert statement.found.hash == hash_there.hex()
        assert statement.replaced is not None
        assert (statement.replaced.epoch, statement.replaced.number) == (1, lost[company or ""])
        assert body["username"]
        assert body["signature_verdict"] == "signed"
    numbers = env.rows("SELECT number FROM entry WHERE kind = 'store.restored'")
    assert numbers == [(13,)] * 3


def test_each_chain_has_a_checkpoint_of_the_new_epoch_before_any_server_starts(env: AuditEnv, backup: Path) -> None:
    env.restore(backup)

    newest = env.rows("SELECT chain, number, statement FROM chain_checkpoint ORDER BY id DESC LIMIT 3")
    assert {(chain, number) for chain, number, _ in newest} == {(A, 13), ("company-b", 13), ("", 13)}
    assert {json.loads(statement)["epoch"] for _, _, statement in newest} == {2}


def test_an_acknowledgement_is_entered_signed_and_enough(
    env: AuditEnv, backup: Path, kept: list[SignedStatement]
) -> None:
    env.restore(backup)
    assert env.write(lambda tx: acknowledge(tx, KEYRING, 2, "operator:ana")) == 3
    assert env.write(lambda tx: acknowledge(tx, KEYRING, 7, "operator:ana")) == 0

    assert env.verify(keys=KEY, kept=kept).unacknowledged == []
    assert env.rows("SELECT count(*), min(actor) FROM entry WHERE kind = 'audit.acknowledged'") == [(3, "operator:ana")]
    env.write(lambda tx: acknowledge(tx, KEYRING, 2, "operator:ana"))
    assert env.rows("SELECT count(*) FROM entry WHERE kind = 'audit.acknowledged'") == [(3,)]


@pytest.mark.parametrize("number", [3, 10, 12])
def test_a_history_that_was_rewritten_is_not_excused_by_a_restore_behind_it(
    env: AuditEnv, backup: Path, kept: list[SignedStatement], number: int
) -> None:
    """The hashes made anew, the checkpoints deleted, the epoch as it should be."""
    env.restore(backup)
    rewrite(env, number)
    env.tamper("DELETE FROM chain_checkpoint")
    env.tamper("UPDATE chain_head SET checkpoint_hash = NULL, checkpoint_number = 0")
    kept += env.checkpoint()

    found = faults(env.verify(keys=KEY, kept=kept))
    assert ("rewritten", A, 12) in found or ("rewritten", A, 10) in found


def test_a_raised_epoch_alone_excuses_nothing(env: AuditEnv, kept: list[SignedStatement]) -> None:
    """What was rewritten, its hashes made anew, the epoch raised, the checkpoints deleted; and the server signs on."""
    rewrite(env, 5)
    env.tamper("DELETE FROM chain_checkpoint", "UPDATE chain_head SET checkpoint_hash = NULL, checkpoint_number = 0")
    env.tamper("UPDATE store_fact SET value = '2' WHERE name = 'epoch'")
    env.add_entries(9)
    env.checkpoint()

    report = env.verify(keys=KEY, kept=kept, acknowledged=(2,))
    assert {fault[0] for fault in faults(report)} >= {"rewritten", "checkpoint_removed"}
    assert FindingKind.RESTORED not in {finding.what for finding in report.findings}


def test_an_unsigned_restore_is_a_fault_and_excuses_nothing(
    env: AuditEnv, backup: Path, kept: list[SignedStatement]
) -> None:
    """An entry like that of a restore, written by somebody who has no key file."""
    forger = env.copy(env.data.parent / "forger")
    forger.restore(backup)
    body = dict(restored(forger)[1][1])
    statement = json.loads(str(body["statement"]))
    statement["found"]["number"] = 0
    body["statement"] = json.dumps(statement, separators=(",", ":"))
    env.cut(4, head=True)
    env.tamper(
        _WRITE,
        a=A,
        body=json.dumps(body),
    )
    env.tamper("UPDATE store_fact SET value = '2' WHERE name = 'epoch'")
    env.seal()

    found = faults(env.verify(keys=KEY, kept=kept, acknowledged=(2,)))
    assert "forged" in {fault[0] for fault in found}
    assert any(fault[0] in ("cut", "rewritten") and fault[1] == A for fault in found)


def test_a_restore_is_good_only_in_its_own_chain_and_behind_what_it_found(
    env: AuditEnv, backup: Path, kept: list[SignedStatement]
) -> None:
    env.restore(backup)
    bodies = dict(restored(env))
    env.add_entries(3)
    env.tamper(
        _WRITE,
        a=A,
        body=json.dumps(bodies["company-b"]),
    )
    env.seal()
    assert "forged" in {fault[0] for fault in faults(env.verify(keys=KEY, kept=kept))}


def test_a_second_entry_of_the_same_restore_is_a_fault(env: AuditEnv, backup: Path) -> None:
    env.restore(backup)
    env.tamper(
        "INSERT INTO entry (company_id, at, actor, kind, body) "
        "SELECT company_id, at, actor, kind, body FROM entry WHERE kind = 'store.restored' AND company_id = 'company-a'"
    )
    env.seal()

    assert "reordered" in {fault[0] for fault in faults(env.verify(keys=KEY))}


def test_an_epoch_that_was_set_back_after_a_restore_excuses_nothing(
    env: AuditEnv, backup: Path, kept: list[SignedStatement]
) -> None:
    """Else everything signed from then on would count as left behind."""
    env.restore(backup)
    env.tamper("UPDATE store_fact SET value = '1' WHERE name = 'epoch'")
    env.add_entries(9)
    kept += env.checkpoint()

    assert "rewritten" in {fault[0] for fault in faults(env.verify(keys=KEY, kept=kept))}


def test_a_restore_by_another_key_file_is_forged(env: AuditEnv, backup: Path) -> None:
    env.restore(backup)
    assert "forged" in {finding.what.value for finding in env.verify(keys=[OTHER_KEYRING.checkpoint_key]).findings}
    assert "unvouched" not in what(env)


def test_a_history_signed_with_another_key_is_refuted_by_external_checkpoints(
    env: AuditEnv, backup: Path, kept: list[SignedStatement]
) -> None:
    """Whoever verifies has checkpoints of before, and not the public key."""
    restore(backup, database(env.data), OTHER_KEYRING, env.clock, unsigned=True)
    env.write(lambda tx: acknowledge(tx, OTHER_KEYRING, 2, "operator:ana"))
    env.seal()

    found = {fault[0] for fault in faults(env.verify(kept=kept))}
    assert found >= {"forged", "cut"}
