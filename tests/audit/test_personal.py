"""The personal part can be erased with its salt; the chain is verifiable all the same."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.audit.findings import FindingKind
from keyturn.audit.personal import (
    PERSONAL_MEMBERS,
    Body,
    UnexpectedBody,
    salted_hash,
    split_body,
    split_personal,
    split_written,
)
from tests.support.audit_env import KEYRING, VIN, AuditEnv, faults, verify_export

A = "company-a"
ERASE_BODY = """
UPDATE entry SET body = replace(body, ',"vin":"6AHFT68CKAF501652"', '')
WHERE company_id = 'company-a' AND number = 6
"""
ERASE_SALT = "UPDATE entry SET salt = NULL WHERE company_id = 'company-a' AND number = 6"


def test_an_erased_part_verifies_and_is_reported_as_erased(env: AuditEnv) -> None:
    env.tamper(ERASE_BODY, ERASE_SALT)

    report = env.verify(keys=[KEYRING.checkpoint_key])

    assert report.faults == []
    assert [(finding.what, finding.company, finding.text) for finding in report.findings] == [
        (FindingKind.ERASED, A, "The personal part of 1 entries was erased.")
    ]


def test_an_export_of_an_erased_part_verifies_and_holds_nothing_of_it(env: AuditEnv, tmp_path: Path) -> None:
    erased = "UPDATE entry SET body = replace(body, ',\"vin\":\"6AHFT68CKAF501652\"', '')"
    env.tamper(erased, "UPDATE entry SET salt = NULL")

    file = env.export(tmp_path / "export")
    report = verify_export(file, keys=[KEYRING.checkpoint_key])

    assert report.faults == []
    assert {chain.erased for chain in report.chains} == {5, 6}
    assert VIN not in file.read_text()


@pytest.mark.parametrize("half", [ERASE_BODY, ERASE_SALT])
def test_half_of_an_erasure_is_an_edit(env: AuditEnv, half: str) -> None:
    env.tamper(half)

    assert faults(env.verify()) == [("edited", A, 6)]


def test_the_same_person_has_another_hash_in_each_entry(env: AuditEnv) -> None:
    hashes = env.rows("SELECT DISTINCT personal_hash FROM entry WHERE personal_hash IS NOT NULL")
    salts = env.rows("SELECT DISTINCT salt FROM entry WHERE salt IS NOT NULL")

    assert len(hashes) == len(salts) == env.rows("SELECT count(*) FROM entry WHERE salt IS NOT NULL")[0][0]


def test_a_body_is_split_by_the_names_of_its_members() -> None:
    body = '{"status":"Error","vin":"6AH","detail":{"vin":1,"n":1.50},"name":"Ana \\u00e3"}'

    assert split_personal(body) == (
        Body('{"status":"Error","detail":{"vin":1,"n":1.50}}', '{"vin":"6AH","name":"Ana \\u00e3"}'),
        ["name", "vin"],
    )
    assert split_body(body, ()) == Body(body, None)
    assert {"vin", "position", "name", "notice"} <= PERSONAL_MEMBERS


@pytest.mark.parametrize("body", ["[]", "{", "null", '{"vin": 1}', '{"vin":1,"vin":2}'])
def test_a_body_that_the_journal_did_not_write_is_not_split(body: str) -> None:
    with pytest.raises(UnexpectedBody):
        split_body(body, ["vin"])


def test_the_salt_is_part_of_the_hash() -> None:
    assert salted_hash(b"a", '{"vin":1}') != salted_hash(b"b", '{"vin":1}')


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from(sorted(PERSONAL_MEMBERS)) | st.text(max_size=8)


@given(st.dictionaries(_NAMES, _VALUES, max_size=8))
def test_a_body_is_split_alike_before_and_after_it_was_stored(body: dict[str, object]) -> None:
    text = msgspec.json.encode(body).decode()

    assert split_written(text, body) == split_personal(text)
