"""An export is verified with nothing but the file and the public key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keyturn.audit.export import ExportArchive, ExportRefused
from tests.support.audit_env import KEYRING, OTHER_KEYRING, AuditEnv, faults, verify_export

A = "company-a"
Lines = list[dict[str, Any]]


@pytest.fixture
def file(env: AuditEnv, tmp_path: Path) -> Path:
    """The chain of one company: a header, twelve entries, a checkpoint."""
    return env.export(tmp_path / "export.jsonl", company=A)


def change(file: Path, how: Callable[[Lines], Any]) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    how(lines)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def edit(lines: Lines, place: int, **members: Any) -> None:
    lines[place]["entry"].update(members)


def test_an_export_ends_with_its_checkpoints_and_is_sound(file: Path) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]

    assert [next(iter(line)) for line in lines] == ["header", *["entry"] * 12, "checkpoint"]
    assert verify_export(file, keys=[KEYRING.checkpoint_key]).findings == ()


def test_an_export_of_a_company_has_nothing_of_another(file: Path) -> None:
    text = file.read_text()

    assert "company-b" not in text
    assert {json.loads(line)["entry"]["company"] for line in text.splitlines()[1:-1]} == {A}
    assert "seq" not in text


def test_a_range_is_sound_and_states_its_limits(env: AuditEnv, tmp_path: Path) -> None:
    report = verify_export(env.export(tmp_path / "part", company=A, first=4, last=9), keys=[KEYRING.checkpoint_key])

    assert report.findings == ()
    assert [(chain.first, chain.last, chain.checkpoint) for chain in report.chains] == [(4, 9, None)]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (lambda lines: edit(lines, 5, actor="nobody"), ("edited", A, 5)),
        (lambda lines: edit(lines, 4, personal='{"vin":"X"}'), ("edited", A, 4)),
        (lambda lines: edit(lines, 5, salt="00"), ("edited", A, 5)),
        (lambda lines: edit(lines, 5, hash="not hex"), ("edited", A, 5)),
        (lambda lines: lines.pop(5), ("removed", A, 5)),
        (lambda lines: lines.insert(5, lines[7]), ("reordered", A, 5)),
        (lambda lines: lines.insert(8, lines[5]), ("inserted", A, 5)),
        (lambda lines: lines.__setitem__(slice(4, 7), lines[6:3:-1]), ("reordered", A, 4)),
        (lambda lines: lines.pop(12), ("cut", A, 12)),
        (lambda lines: lines.__delitem__(slice(8, 13)), ("cut", A, 8)),
        (lambda lines: edit(lines, 5, company="company-x"), ("removed", A, 5)),
        (lambda lines: lines[13]["checkpoint"].update(signature="00"), ("forged", A, 10)),
    ],
)
def test_tampering_with_the_file_is_named(file: Path, how: Callable[[Lines], Any], expected: Any) -> None:
    change(file, how)

    assert expected in faults(verify_export(file, keys=[KEYRING.checkpoint_key]))


def test_a_line_that_cannot_be_read_is_named(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"number":5', b'"number":"5', 1))

    assert faults(verify_export(file)) == [("edited", None, None), ("removed", A, 5)]


def test_a_checkpoint_kept_elsewhere_finds_a_file_cut_with_its_header(env: AuditEnv, file: Path) -> None:
    kept = env.checkpoint()

    def cut(lines: Lines) -> None:
        lines[0]["header"]["chains"][0].update(last=8, newest=8)
        del lines[9:]

    change(file, cut)

    assert faults(verify_export(file)) == []
    assert ("cut", A, 9) in faults(verify_export(file, kept=[each for each in kept if A in each.statement]))


def test_verification_without_a_public_key_is_reported_as_unvouched(env: AuditEnv, tmp_path: Path) -> None:
    env.checkpoint(OTHER_KEYRING)
    file = env.export(tmp_path / "export", company=A)

    assert [finding.what.value for finding in verify_export(file).findings] == ["unvouched"]
    assert faults(verify_export(file, keys=[KEYRING.checkpoint_key])) == [("forged", A, 12)]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"a": 1}\n')

    with pytest.raises(ExportRefused):
        ExportArchive(tmp_path / "other")


@pytest.mark.parametrize(("change", "missing"), [
    ("DELETE FROM entry WHERE seq = {}", 2), ("UPDATE entry SET number = NULL WHERE seq = {}", 2),
    ("UPDATE entry SET number = 'x' WHERE seq = {}", 2), ("DELETE FROM entry WHERE seq = {}", 12),
])  # fmt: skip
def test_a_broken_chain_is_not_exported(env: AuditEnv, tmp_path: Path, change: str, missing: int) -> None:
    env.tamper(change.format(env.seq(missing)))

    with pytest.raises(ExportRefused, match=rf"^Entry {missing} is missing"):
        env.export(tmp_path / "export", company=A)
