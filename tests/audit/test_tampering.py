"""Whatever is changed behind Keyturn's back is found offline, and named."""

import apsw
import pytest

from keyturn.audit.archive import DatabaseArchive, verify
from keyturn.audit.encoding import Content, entry_hash
from keyturn.audit.findings import FindingKind
from tests.store.adapters import database
from tests.support.audit_env import KEYRING, AuditEnv, faults

A = "company-a"
SEQ_OF = "(SELECT seq FROM entry WHERE company_id = 'company-a' AND number = {})"

PUT_IN = """
INSERT INTO entry (seq, company_id, at, actor, kind, body, number, prev, hash)
VALUES (1000, 'company-a', 5, 'x', 'y', '{{}}', {}, x'00', x'00')
"""
CONTENT = "at, actor, kind, vehicle_id, command_id, body"


def test_untouched_chain_is_sound(env: AuditEnv) -> None:
    report = env.verify(keys=[KEYRING.checkpoint_key])

    assert report.findings == ()
    assert [(chain.company, chain.last, chain.checkpoint) for chain in report.chains] == [
        (None, 12, 10),
        (A, 12, 10),
        ("company-b", 12, 10),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", 1_700_000_001_000_001),
        ("actor", "Engine"),
        ("kind", "command.accepted"),
        ("vehicle_id", None),
        ("vehicle_id", "vehicle"),
        ("command_id", None),
        ("command_id", b"command-18"),
        ("body", '{"status":"Pending","number":19}'),
        ("body", '{"status":"Pending", "number":18}'),
        ("body", "[]"),
        ("body", "{"),
    ],
)
def test_an_edited_column_names_the_entry(env: AuditEnv, column: str, value: object) -> None:
    env.tamper(f"UPDATE entry SET {column} = :value WHERE seq = :seq", value=value, seq=env.seq(7))

    assert faults(env.verify()) == [("edited", A, 7)]


@pytest.mark.parametrize("company", ["company-b", None, "company-c"])
def test_an_entry_moved_to_another_company_is_missed_by_its_own(env: AuditEnv, company: str | None) -> None:
    env.tamper("UPDATE entry SET company_id = :company, number = 13 WHERE seq = :seq", company=company, seq=env.seq(7))

    found = faults(env.verify())
    assert ("removed", A, 7) in found
    assert company in {fault[1] for fault in found}


def test_no_chain_takes_two_entries_of_one_number(env: AuditEnv) -> None:
    with pytest.raises(apsw.ConstraintError):
        env.tamper("UPDATE entry SET company_id = 'company-b' WHERE seq = :seq", seq=env.seq(7))


@pytest.mark.parametrize("number", [1, 4, 6, 10])
def test_an_edited_personal_part_names_the_entry(env: AuditEnv, number: int) -> None:
    env.tamper("UPDATE entry SET body = replace(body, '6AH', '6AX') WHERE seq = :seq", seq=env.seq(number))

    expected = [("edited", A, number)] if number % 2 == 0 else []
    assert faults(env.verify()) == expected


@pytest.mark.parametrize(
    "change",
    ["salt = x'00'", "salt = NULL", "personal = NULL", "personal = '[\"number\"]'", "personal_hash = x'00'"],
)
def test_a_part_that_is_neither_whole_nor_erased_is_an_edit(env: AuditEnv, change: str) -> None:
    env.tamper(f"UPDATE entry SET {change} WHERE company_id = 'company-a' AND number = 6")

    assert faults(env.verify()) == [("edited", A, 6)]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("entry", "number", "x"),
        ("entry", "number", 4.5),
        ("entry", "number", -3),
        ("entry", "prev", "text"),
        ("entry", "hash", 5),
        ("entry", "personal", b"\xff"),
        ("chain_head", "number", "x"),
        ("chain_head", "number", -1),
        ("chain_head", "hash", "text"),
        ("chain_checkpoint", "statement", b"\xff"),
        ("chain_checkpoint", "signature", 5),
        ("chain_checkpoint", "key", b""),
    ],
)
def test_a_value_of_another_kind_is_found_like_any_other(env: AuditEnv, table: str, column: str, value: object) -> None:
    own = "company_id = 'company-a'" if table == "entry" else "chain = 'company-a'"
    statement = f"UPDATE {table} SET {column} = :value WHERE {own} AND number IN (7, 10, 12)"
    env.tamper(f"{statement} AND number = (SELECT max(number) FROM {table} WHERE {own})", value=value)

    assert env.verify().faults


@pytest.mark.parametrize("at", ["soon", 2**62, -(2**62)])
def test_an_unsealed_entry_of_an_impossible_time_is_counted_all_the_same(env: AuditEnv, at: object) -> None:
    env.add_entries(1)
    env.tamper("UPDATE entry SET at = :at WHERE seq = (SELECT max(seq) FROM entry)", at=at)

    assert [finding.what for finding in env.verify(keys=[KEYRING.checkpoint_key]).findings] == [FindingKind.UNSEALED]


@pytest.mark.parametrize("number", [1, 5, 11, 12])
def test_a_deleted_entry_is_missed(env: AuditEnv, number: int) -> None:
    env.tamper("DELETE FROM entry WHERE seq = :seq", seq=env.seq(number))

    assert faults(env.verify()) == [("cut" if number == 12 else "removed", A, number)]


@pytest.mark.parametrize("number", [1, 5, 11])
def test_a_number_taken_away_is_missed(env: AuditEnv, number: int) -> None:
    env.tamper("UPDATE entry SET number = NULL WHERE seq = :seq", seq=env.seq(number))

    assert faults(env.verify())[-1] == ("removed", A, number)


def test_a_deleted_entry_is_missed_although_the_rest_was_renumbered(env: AuditEnv) -> None:
    env.tamper(
        f"DELETE FROM entry WHERE seq = {SEQ_OF.format(5)}",
        "UPDATE entry SET number = -number WHERE company_id = 'company-a' AND number > 5",
        "UPDATE entry SET number = -number - 1 WHERE company_id = 'company-a' AND number < 0",
        "UPDATE chain_head SET number = number - 1 WHERE chain = 'company-a'",
    )

    assert faults(env.verify())[0] == ("removed", A, 5)


def test_an_entry_put_between_sealed_ones_was_never_sealed(env: AuditEnv) -> None:
    env.tamper("UPDATE entry SET number = NULL WHERE seq = 20")
    report = env.verify()

    assert ("inserted", "company-b", None) in faults(report)
    assert "The entry with seq 20 was never sealed." in [fault.text for fault in report.faults]


def test_an_entry_put_in_with_a_number_of_its_own_is_named(env: AuditEnv) -> None:
    env.tamper(
        "UPDATE entry SET number = -number WHERE company_id = 'company-a' AND number >= 5",
        "UPDATE entry SET number = 1 - number WHERE company_id = 'company-a' AND number < 0",
        PUT_IN.format(5),
        "UPDATE chain_head SET number = number + 1 WHERE chain = 'company-a'",
    )

    assert faults(env.verify())[0] == ("inserted", A, 5)


def test_an_entry_put_behind_the_end_is_named(env: AuditEnv) -> None:
    env.tamper(PUT_IN.format(13))

    assert faults(env.verify()) == [("inserted", A, 13)]


def test_two_entries_that_changed_places_are_named(env: AuditEnv) -> None:
    seqs = (env.seq(4), env.seq(8))
    said = [env.rows(f"SELECT {CONTENT} FROM entry WHERE seq = :seq", seq=seq)[0] for seq in seqs]
    for seq, columns in zip(seqs, reversed(said), strict=True):
        values = dict(zip(CONTENT.split(", "), columns, strict=True))
        changes = ", ".join(f"{name} = :{name}" for name in values)
        env.tamper(f"UPDATE entry SET {changes} WHERE seq = :seq", seq=seq, **values)

    report = env.verify()

    assert faults(report)[0] == ("reordered", A, 4)
    assert report.faults[0].text == "Entries 4 and 8 have changed places."


def test_two_numbers_that_changed_places_are_named(env: AuditEnv) -> None:
    env.tamper(
        "UPDATE entry SET number = -1 WHERE company_id = 'company-a' AND number = 4",
        "UPDATE entry SET number = 4 WHERE company_id = 'company-a' AND number = 8",
        "UPDATE entry SET number = 8 WHERE company_id = 'company-a' AND number = -1",
    )

    assert faults(env.verify())[0] == ("reordered", A, 4)


def test_a_tail_cut_off_is_missed_by_the_head(env: AuditEnv) -> None:
    env.cut(11, head=False)

    assert faults(env.verify()) == [("cut", A, 12)]


def test_a_whole_chain_that_is_gone_is_missed(env: AuditEnv) -> None:
    env.tamper(
        "DELETE FROM entry WHERE company_id = 'company-a'",
        "DELETE FROM chain_head WHERE chain = 'company-a'",
    )

    assert faults(env.verify()) == [("cut", A, 1)]


def test_a_hash_made_anew_for_one_entry_does_not_fit_the_next(env: AuditEnv) -> None:
    env.tamper("UPDATE entry SET actor = 'nobody' WHERE seq = :seq", seq=env.seq(5))
    (prev, *entry) = env.rows(f"SELECT prev, company_id, {CONTENT} FROM entry WHERE seq = {SEQ_OF.format(5)}")[0]
    env.tamper(
        f"UPDATE entry SET hash = :hash WHERE seq = {SEQ_OF.format(5)}",
        hash=entry_hash(5, prev, Content(*entry), None),
    )

    assert faults(env.verify()) == [("edited", A, 5)]


def test_the_unsealed_tail_is_named_and_is_no_fault(env: AuditEnv) -> None:
    env.add_entries(3)

    report = env.verify(keys=[KEYRING.checkpoint_key])

    assert [finding.what for finding in report.findings] == [FindingKind.UNSEALED]
    assert report.findings[0].text.startswith("3 entries are not sealed yet, the oldest of 2023-11-14T")
    assert report.faults == []


def test_a_verification_tells_how_far_it_has_come(env: AuditEnv) -> None:
    told: list[tuple[int, int]] = []

    with database(env.data).read_offline() as tx:
        verify(DatabaseArchive(tx), advance=lambda done, total: told.append((done, total)))

    entries = env.rows("SELECT count(*) FROM entry WHERE number IS NOT NULL")[0][0]
    assert told[-1] == (entries, entries)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
