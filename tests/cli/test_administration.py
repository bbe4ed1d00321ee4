"""Administration of a store that no server has open, in this process."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keyturn.cli.root import run

Administer = Callable[..., dict[str, Any]]


@pytest.fixture
def administer(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Administer:
    """Runs a command with ``--json`` on a store of its own; the answer, or what was said on stderr."""
    monkeypatch.setenv("KEYTURN_CONNECTORS_SIMULATOR__DEFINITION", "simulator")
    monkeypatch.setenv("KEYTURN_CONNECTORS_SIMULATOR__BASE_URL", "http://127.0.0.1:9")

    def administer(*words: str, code: int = 0) -> dict[str, Any]:
        assert run([*words, "--data", str(tmp_path / "data"), "--json"]) == code
        out, err = capsys.readouterr()
        told: dict[str, Any] = json.loads(err if code else out)
        return told

    return administer


def test_a_company_from_its_founding_to_its_end(administer: Administer) -> None:
    added = administer("company", "add", "ACME")
    assert administer("company", "show", "ACME") == added
    assert administer("company", "set", "ACME", "--name", "Acme", "--no-active")["active"] is False
    (listed,) = administer("company", "list")["companies"]
    assert (listed["id"], listed["name"], listed["active"]) == (added["id"], "Acme", False)


def test_an_application_gets_its_secrets_once(administer: Administer) -> None:
    administer("company", "add", "ACME")
    added = administer("application", "add", "ACME", "desk")
    assert len(added["client_secret"]) == len(added["sign_secret"]) == 43
    assert not {"disable_ignition", "enable_ignition"} & set(added["grants"])
    assert "client_secret" not in administer("application", "show", "desk", "--company", "ACME")


def test_lists_are_given_as_words(administer: Administer) -> None:
    administer("company", "add", "ACME")
    added = administer("application", "add", "ACME", "desk", "--grants", "start", "location")
    assert added["grants"] == ["location", "start"]
    assert administer("application", "set", "desk", "--empty-grants")["grants"] == []
    assert administer("plan", "add", "basic", "location", "start")["commands"] == ["location", "start"]


def test_secrets_are_rotated(administer: Administer) -> None:
    administer("company", "add", "ACME")
    first = administer("application", "add", "ACME", "desk")
    assert administer("application", "rotate-secret", "desk")["client_secret"] != first["client_secret"]
    assert administer("application", "rotate-secret", "desk", "--sign")["sign_secrets"] == 2
    assert administer("application", "rotate-secret", "desk", "--retire")["sign_secrets"] == 1


def test_credentials_come_from_a_file_and_are_not_shown(administer: Administer, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text('{"token": "very-secret"}')
    administer("company", "add", "ACME")
    assert "very-secret" not in str(administer("account", "add", "ACME", "simulator", "main", str(file)))
    assert administer("account", "show", "main")["connector"] == "simulator"


def test_credentials_come_from_standard_input(administer: Administer, monkeypatch: pytest.MonkeyPatch) -> None:
    administer("company", "add", "ACME")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"token": "very-secret"}'))
    assert administer("account", "add", "ACME", "simulator", "main", "-")["name"] == "main"


@pytest.mark.parametrize("content", ["very-secret", '["very-secret"]', '{"token": 1}'])
def test_credentials_that_cannot_be_used(administer: Administer, tmp_path: Path, content: str) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(content)
    refused = administer("account", "add", "ACME", "simulator", "main", str(file), code=2)
    assert refused == {"code": "usage", "detail": f"{file} must hold a JSON object of strings."}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{"tokn": "very-secret"}',
            "The credential 'token' is missing or empty. The credential 'tokn' is used nowhere",
        ),
        ('{"token": "very-secret\\n"}', "The credential 'token' has a line break in it"),
    ],
)
def test_credentials_that_the_definition_cannot_use(
    administer: Administer, tmp_path: Path, content: str, said: str
) -> None:
    """They would be refused at the first command, at night."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"token": "very-secret"}')
    bad.write_text(content)
    administer("company", "add", "ACME")
    refused = administer("account", "add", "ACME", "simulator", "main", str(bad), code=1)
    assert refused["code"] == "invalid_credentials"
    assert said in refused["detail"]
    assert "very-secret" not in str(refused)
    administer("account", "add", "ACME", "simulator", "main", str(good))
    assert said in administer("account", "set", "main", "--credentials", str(bad), code=1)["detail"]


def test_a_vehicle_is_enrolled_and_changed(administer: Administer, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text('{"token": "very-secret"}')
    administer("company", "add", "ACME")
    administer("plan", "add", "basic", "location", "start")
    administer("account", "add", "ACME", "simulator", "main", str(tmp_path / "credentials.json"))
    rest = ("--consent", "letter 7", "--fuel-reserve", "12.5", "--capabilities", "location")
    added = administer("vehicle", "add", "ACME", "6ahft68ckaf501652", "main", "basic", "rented", *rest)
    assert (added["vin"], added["ownership"], added["fuel_reserve"]) == ("6AHFT68CKAF501652", "rented", 12.5)
    assert (added["consent_reference"], added["capabilities"]) == ("letter 7", ["location"])
    changed = administer("vehicle", "set", added["vin"], "--no-consent", "--no-capabilities")
    assert (changed["consent_reference"], changed["capabilities"]) == (None, None)
    assert (changed["ownership"], changed["fuel_reserve"]) == ("rented", 12.5)


def test_what_was_not_given_is_not_changed(administer: Administer) -> None:
    administer("company", "add", "ACME")
    refused = administer("company", "set", "ACME", code=1)
    assert refused["code"] == "nothing_to_change"


def test_a_refusal_keeps_its_code(administer: Administer) -> None:
    administer("company", "add", "ACME")
    refused = administer("company", "add", "ACME", code=1)
    assert refused == {"code": "name_taken", "detail": "The name 'ACME' is taken by another company."}


def test_a_configuration_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keyturn.toml"
    file.write_text("[server]\nprot = 1\n")
    assert run(["company", "list", "--config", str(file)]) == 2
    assert f"server.prot: no such key; the nearest is 'port' ({file})." in capsys.readouterr().err


def test_administration_prints_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["company", "add", "ACME [1]", "--data", str(tmp_path)])
    assert run(["company", "list", "--data", str(tmp_path)]) == 0
    header, row = capsys.readouterr().out.splitlines()[-2:]
    assert header.split() == ["name", "active", "id"]
    assert row.startswith("ACME [1]  yes")
