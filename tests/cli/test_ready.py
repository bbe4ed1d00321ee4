"""`keyturn ready`: what a command would meet, told by a running server, with an exit code for scripts."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.cli.root import run

from .processes import Demo, keyturn

PARKED, THIRD = "9KTPARKED00000001", "9KTTH1RD000000023"
OTHERS = "9KT0THER000000025"
VIN_TEXT = "VIN not found or unauthorized access."


def ready(demo: Demo, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    """What is printed, on stdout or where there is nothing to tell on stderr."""
    company = demo.told["companies"][0]["name"]
    assert run(["ready", *words, "--data", str(demo.data), "--company", company, "--json"]) == code
    out, err = capsys.readouterr()
    told: dict[str, Any] = json.loads(out or err)
    return told


def test_what_can_be_sent_is_zero_and_what_cannot_is_one(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    said = ready(demo, capsys, PARKED, "disable_ignition")
    assert (said["vin"], said["command"], said["ready"], said["reasons"]) == (PARKED, "disable_ignition", True, [])
    assert said["confirmation_needed"] is True
    refused = ready(demo, capsys, THIRD, "disable_ignition", code=1)
    assert (refused["ready"], refused["reasons"]) == (False, [VIN_TEXT])


def test_ready_refuses_an_unknown_vehicle_or_command(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    unknown, others = [ready(demo, capsys, vin, "start", code=1) for vin in ("9KTN0B0DY00000099", OTHERS)]
    assert unknown["code"] == others["code"] == "not_found"
    assert unknown["detail"].replace("9KTN0B0DY00000099", OTHERS) == others["detail"]
    assert ready(demo, capsys, PARKED, "dance", code=1)["code"] == "unknown_command"


def test_ready_is_printed_for_people_too(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    company = demo.told["companies"][0]["name"]
    assert run(["ready", THIRD, "disable_ignition", "--data", str(demo.data), "--company", company]) == 1
    out, err = capsys.readouterr()
    assert VIN_TEXT in out
    assert err == ""


def test_ready_without_a_server_says_that_it_needs_one(tmp_path: Path) -> None:
    done = keyturn("ready", PARKED, "start", "--data", tmp_path / "data", "--json")
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "server_needed"
    assert done.stdout == ""


def test_a_word_too_few_is_a_matter_of_usage() -> None:
    assert keyturn("ready", PARKED, "--json").returncode == 2
