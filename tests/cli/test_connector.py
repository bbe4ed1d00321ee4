"""``keyturn connector check``: what a definition finds and concludes, and never a command to a vehicle."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keyturn.cli.root import run

from .test_plain_words import RAW

DEFINITION = """
mode = "operation"
base_url = "https://api.oem.example/v2"

[declares]
blocks_next_start_only = true

[send]
path = "/cars/{vehicle.external_id}/{command.name}"
body = { ref = "{command.id}", pin = "{account.pin}" }

[accepted]
id = "data.id"
url = "data.href"

[status]
path = "/ops/{operation.id}"

[result]
state = "data.state"
succeeded = ["DONE"]
failed = ["FAILED"]
completed_at = "data.finished"
error_code = "error.code"
data = "data.result.{name}"

[[answers]]
status = [429]
means = "not_taken"
temporary = true

[[answers]]
status = [400]
code = ["BAD"]
means = "not_taken"

[errors]
MOVING = { preconditions = [1] }
STUCK = { text = "The lock is stuck." }

[state]
path = "/cars/{vehicle.external_id}"
reachable = "online"
last_contact = "seen"
value = "signals.{name}.v"
as_of = "signals.{name}.at"

[state.signals]
speed = {}
system_power_mode = { observed_at = "signals.system_power_mode.since", values = { OFF = "off", ON = "on" } }

[commands.lock_door]
[commands.location]
data = { latitude = {}, longitude = { value = "data.result.lon" } }
[commands.disable_ignition]
"""
OAUTH = """
[auth]
scheme = "oauth2"
token_url = "/token"
"""
Check = Callable[..., Any]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs a check of the definition on an answer; the JSON that it prints, or with `text` the lines."""

    def checked(
        sample: object = None, *words: str, definition: str = DEFINITION, code: int = 0, text: bool = False
    ) -> Any:
        file = tmp_path / "acme.toml"
        file.write_text(definition)
        told = ["connector", "check", str(file), *words]
        if sample is not None:
            answered = tmp_path / "answer.json"
            answered.write_text(sample if isinstance(sample, str) else json.dumps(sample))
            told += ["--answer", str(answered)]
        assert run([*told, *([] if text else ["--json"])]) == code
        out, err = capsys.readouterr()
        if text:
            assert not RAW.search(out + err)
            return (out or err).splitlines()
        return json.loads(out or err)

    return checked


def found(told: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: each["value"] for each in told["expressions"]}


def test_connector_try_without_an_answer_describes_the_definition_and_what_will_be_missed(check: Check) -> None:
    told = check()
    assert (told["mode"], told["offers"]) == ("operation", ["disable_ignition", "location", "lock_door"])
    assert told["credentials"] == ["pin", "token"]
    (gear,) = told["notes"]
    assert gear.startswith("disable_ignition will be refused: none of transmission_gear")
    unsafe = check(definition=DEFINITION.replace("blocks_next_start_only = true", ""))
    assert "disable_ignition is not offered: declares.blocks_next_start_only is not set." in unsafe["notes"]


def test_a_definition_that_cannot_be_used_is_one_sentence(check: Check) -> None:
    refused = check(definition=DEFINITION.replace("path =", "pathh ="), code=2)
    assert "send.pathh: no such key; allowed are" in refused["detail"]
    assert "not JMESPath" in check(definition=DEFINITION.replace('"data.id"', '"data["'), code=2)["detail"]


ANSWERS: list[tuple[object, list[str], str, dict[str, Any]]] = [
    ({"data": {"id": "op-1"}}, [], "In progress", {"operation": {"id": "op-1"}}),
    ({"data": {"href": "https://api.oem.example/v2/ops/7"}}, [], "In progress", {}),
    ({"data": {"href": "https://elsewhere.example/ops/7"}}, [], "It may have happened: a 2xx without", {}),
    ({"data": {}}, [], "It may have happened: a 2xx without", {"operation": None}),
    ("not json", [], "It may have happened: a 2xx without", {}),
    ({}, ["--status", "500"], "It may have happened: no entry", {}),
    ({}, ["--status", "429", "--header", "Retry-After: 12"], "Refused for now", {"retry_after": 12.0}),
    ({"error": {"code": "BAD"}}, ["--status", "400"], "Not taken: nothing was done", {}),
    (
        {"error": {"code": "MOVING"}},
        ["--status", "409"],
        "Refused: not done",
        {"preconditions": "Precondition not met: The vehicle must not be moving."},
    ),
]


@pytest.mark.parametrize(("sample", "words", "means", "more"), ANSWERS)
def test_what_an_answer_to_a_command_means(
    check: Check, sample: object, words: list[str], means: str, more: dict[str, Any]
) -> None:
    told = check(sample, "--as", "send", *words)
    assert told["means"].startswith(means)
    assert {name: told[name] for name in more} == more


OUTCOMES: list[tuple[object, str, dict[str, Any]]] = [
    ({"data": {"state": "RUNNING"}}, "In progress", {}),
    (
        {"data": {"state": "DONE", "finished": "2026-11-30T21:06:29Z", "result": {"latitude": -23.5, "lon": -46.6}}},
        "Succeeded",
        {"data": {"latitude": -23.5, "longitude": -46.6}, "completed_at": "2026-11-30T21:06:29.000000+00:00"},
    ),
    ({"data": {"state": "FAILED"}, "error": {"code": "STUCK"}}, "Failed", {"detail": "The lock is stuck."}),
]


@pytest.mark.parametrize(("sample", "means", "more"), OUTCOMES)
def test_what_an_answer_about_an_operation_means(
    check: Check, sample: object, means: str, more: dict[str, Any]
) -> None:
    told = check(sample, "--as", "status", "--command", "location")
    assert told["means"].startswith(means)
    assert {name: told[name] for name in more} == more


def test_what_each_expression_finds(check: Check) -> None:
    sent = check({"data": {"id": 7}}, "--as", "send")
    assert found(sent) == {"accepted.id": 7, "accepted.url": None, "result.error_code": None}
    asked = check(
        {"data": {"state": "DONE", "result": {"latitude": 1, "lon": 2}}}, "--as", "status", "--command", "location"
    )
    assert found(asked) | {"result.state": "DONE"} == found(asked)
    assert found(asked)["commands.location.data.latitude.value"] == 1
    longitude = next(each for each in asked["expressions"] if each["key"] == "commands.location.data.longitude.value")
    assert (longitude["expression"], longitude["value"]) == ("data.result.lon", 2)
    lines = check({"data": {"id": 7}}, text=True)
    assert lines[0] == "accepted.id  data.id  ->  7"
    assert "accepted.url  data.href  ->  nothing" in lines
    assert lines[-1].startswith("In progress")


def state(since: str, at: str = "2026-11-30T21:06:29Z") -> dict[str, Any]:
    signals = {"speed": {"v": 0, "at": at}, "system_power_mode": {"v": "OFF", "at": at, "since": since}}
    return {"online": True, "seen": at, "signals": signals}


def test_which_signals_a_state_gives_with_values_and_times(check: Check) -> None:
    told = check(state("2026-11-30T20:06:29Z"), "--as", "state")
    assert told["reachable"] is True
    assert told["signals"]["speed"] | {"value": 0, "observed_at": None} == told["signals"]["speed"]
    power = told["signals"]["system_power_mode"]
    assert (power["value"], power["observed_at"]) == ("off", "2026-11-30T20:06:29.000000+00:00")
    assert found(told)["state.signals.speed.value"] == 0
    assert told["notes"] == []
    lines = check(state("2026-11-30T20:06:29Z"), "--as", "state", text=True)
    assert "speed = 0  observed first seen, as of 2026-11-30T21:06:29.000000+00:00" in lines


def test_what_an_oem_wrote_moves_no_cursor(check: Check) -> None:
    lines = check('{"data": {"id": "a\x9b31m\u202eb"}}', text=True)
    assert "accepted.id  data.id  ->  " + '"a 31m b"' in lines


def test_a_report_time_in_place_of_the_time_of_change_is_told(check: Check) -> None:
    """With it a car that has been parked for days is never off for long enough."""
    (note,) = check(state("2026-11-30T21:06:29Z"), "--as", "state")["notes"]
    assert "system_power_mode is off for 0.0 s, 60 s needed; the source gives one time for the change" in note
    (note,) = check(state("2026-11-30T21:06:20Z"), "--as", "state")["notes"]
    assert note.endswith("off for 9.0 s, 60 s needed.")


def test_a_state_that_says_nothing_is_told(check: Check) -> None:
    assert check({"error": "none"}, "--as", "state")["means"].startswith("Nothing")
    assert check(state("2026-11-30T20:06:29Z"), "--as", "state", "--status", "204")["signals"] == {}


@pytest.mark.parametrize(
    ("sample", "means"),
    [
        ({"access_token": "very-secret", "expires_in": 3600}, "A token was found and used."),
        ({"accessToken": "very-secret"}, "the OEM's token endpoint gave no token"),
    ],
)
def test_a_token_answer_is_tried_and_the_token_not_repeated(check: Check, sample: object, means: str) -> None:
    told = check(sample, "--as", "token", definition=DEFINITION + OAUTH)
    assert told["means"] == means
    assert "very-secret" not in json.dumps(told)


def test_a_question_that_the_definition_does_not_have(check: Check) -> None:
    assert "no token is asked for" in check({}, "--as", "token", code=2)["detail"]
    assert "has no command 'start'" in check({}, "--command", "start", code=2)["detail"]
    assert "cannot be read" in check(None, "--answer", "/no/where.json", code=2)["detail"]
    assert "--header must be" in check({}, "--header", "nonsense", code=2)["detail"]
    assert "--live needs" in check(None, "--live", code=2)["detail"]
