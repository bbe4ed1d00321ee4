"""Every kind that is written is listed, and an entry under a former kind is read as one under the present kind."""

import ast
import json
import re
from functools import partial
from pathlib import Path

import pytest

import keyturn
from keyturn.alerts import entries
from keyturn.alerts.entries import Entry
from keyturn.alerts.rule import WARNING, Rule, build_message
from keyturn.alerts.rules import RULES, rule_for
from keyturn.audit import journal
from keyturn.audit.kinds import KINDS, RENAMED, current, former
from keyturn.commands.model.states import State
from keyturn.commands.operations.command_details import timeline
from keyturn.dossier.dossier import entry_view
from tests.support.audit_env import AuditEnv, faults, verify_export

SOURCES = sorted(Path(keyturn.__file__).parent.rglob("*.py"))
SUBJECTS = {kind.partition(".")[0] for kind in KINDS}
ELSEWHERE = {"connectors", "connector.py", "kinds.py"}
"""Where such words are names of template variables, or the list itself."""


def constants(node: ast.AST) -> list[str]:
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def written() -> set[str]:
    """Whatever looks like a kind anywhere in the sources, and what is put behind `command.` and `immobilisation.`."""
    found = set()
    for path in SOURCES:
        if ELSEWHERE.isdisjoint(path.parts):
            text = path.read_text("utf-8")
            found |= {word for word in constants(ast.parse(text)) if is_kind(word)}
            found |= {f"command.{word}" for word in re.findall(r'lifecycle\.record_note\(\s*\w+, \w+, "(\w+)"', text)}
    for subject, name in (("command", "commands/model/lifecycle.py"), ("immobilisation", "fleet/immobilisation.py")):
        text = (Path(keyturn.__file__).parent / name).read_text("utf-8")
        found |= {f"{subject}.{word}" for word in re.findall(r'_record_event\(tx, \w+, "(\w+)"', text)}
    return found | {f"command.{state}" for state in State}


def is_kind(word: str) -> bool:
    subject, _, deed = word.partition(".")
    return subject in SUBJECTS and re.fullmatch(r"[A-Za-z_]+", deed) is not None


def test_every_kind_that_is_written_is_listed_and_no_other() -> None:
    assert written() == KINDS


def test_every_call_of_the_journal_names_a_subject_of_the_list() -> None:
    """A kind under a new subject would not look like a kind to the test above."""
    for path in SOURCES:
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("journal.record", "session.record"):
                given = call.args[1:2] if ast.unparse(call.func) == "journal.record" else call.args[:1]
                words = [word for argument in given for word in constants(argument)]
                assert all(word.partition(".")[0] in SUBJECTS for word in words), (path, words)


def test_alerts_are_of_listed_kinds() -> None:
    assert {rule.kind for rule in RULES} <= KINDS


def test_a_former_kind_is_never_written_again() -> None:
    assert not RENAMED.keys() & KINDS
    assert set(RENAMED.values()) <= KINDS
    assert len(set(RENAMED.values())) == len(RENAMED)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_each_former_kind_is_read_as_the_present_one(env: AuditEnv, old: str, new: str) -> None:
    env.write(partial(journal.record, kind=old, company_id=None, actor="engine", command_id="the command"))
    assert [event["kind"] for event in env.read(lambda tx: timeline(tx, "the command"))] == [new]
    for kind in (old, new):
        found = env.read(partial(entries.page, after=0, upto=1000, kinds=frozenset({kind})))
        assert [entry.kind for entry in found] == [new]
    assert (current(old), current(new), former(new), former(old)) == (new, new, old, old)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_dossier_has_the_stored_kind_where_it_is_another(old: str, new: str) -> None:
    rest = ("engine", "{}", 1, b"", b"", None, None)
    assert entry_view((1, old, *rest)).items() >= {"kind": new, "stored_kind": old}.items()
    assert "stored_kind" not in entry_view((1, new, *rest))


@pytest.mark.parametrize("rule_kind", ["switch.thrown", "switch.activated"])
@pytest.mark.parametrize("entry_kind", ["switch.thrown", "switch.activated"])
def test_a_rule_and_an_entry_meet_under_either_name(rule_kind: str, entry_kind: str) -> None:
    rule = Rule(rule_kind, WARNING, "subject", "text")
    entry = Entry(1, 1, None, "engine", entry_kind, None, None, {})
    assert rule_for(entry, [rule]) is rule
    assert build_message(rule, entry).kind == "switch.thrown", "receivers know this one"


def test_a_chain_with_both_names_verifies_in_the_database_and_in_an_export(env: AuditEnv, tmp_path: Path) -> None:
    for kind in (*RENAMED, *RENAMED.values()):
        env.write(partial(journal.record, kind=kind, company_id=None, actor="engine"))
    env.seal()
    env.checkpoint()
    assert not faults(env.verify())
    file = env.export(tmp_path / "export")
    assert not faults(verify_export(file))
    lines = map(json.loads, file.read_text("utf-8").splitlines())
    kinds = {line["entry"]["kind"] for line in lines if "entry" in line}
    assert kinds >= {*RENAMED, *RENAMED.values()}, "an export has the kinds that the hashes cover"
