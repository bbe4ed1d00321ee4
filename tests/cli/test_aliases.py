"""Former words of the command line still do what they did."""

import json
from pathlib import Path

import pytest

from keyturn.cli.root import RENAMED_OPTIONS, RENAMED_VERBS, run, verb_names


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KEYTURN_CONNECTORS_SIMULATOR__DEFINITION", "simulator")
    return str(tmp_path / "data")


@pytest.mark.parametrize(
    ("activate", "deactivate"), [("activate", "deactivate"), ("throw", "release"), ("throw", "deactivate")]
)
def test_a_switch_is_activated_and_deactivated(
    data: str, capsys: pytest.CaptureFixture[str], activate: str, deactivate: str
) -> None:
    assert run(["switch", activate, "disable", "--reason", "a drill", "--data", data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["thrown"] is True
    assert run(["switch", deactivate, "disable", "--data", data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["thrown"] is False


@pytest.mark.parametrize("words", [each for pair in RENAMED_OPTIONS.items() for each in pair])
def test_an_option_works_under_both_names(data: str, capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert run([*words.split(), "--data", data]) == 0
    assert capsys.readouterr().out.startswith("Immobilised vehicles, as of ")


@pytest.mark.parametrize(("old", "new"), RENAMED_VERBS.items())
def test_the_present_verb_is_shown_first(old: str, new: str) -> None:
    assert verb_names(old) == (new.split(" ")[1], old.split(" ")[1])
