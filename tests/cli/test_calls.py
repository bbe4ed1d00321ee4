"""``token``, ``send`` and ``status`` against a running demo."""

import io
import json
import os
import pty
import subprocess
import sys
from typing import Any
from urllib.request import urlopen

import pytest

from keyturn.cli.root import run

from .conftest import TOKEN_LIFE
from .processes import Demo, environment

PARKED, MOVING, OEM_ERROR = "9KTPARKED00000001", "9KTM0V1NG00000002", "9KT0EM50000000013"


def test_send_follows_a_command_to_its_end(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", PARKED, "location", "--demo", str(demo.data)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"location {PARKED}  Success  date_time ")
    assert "latitude" in last


def test_send_names_the_command_for_who_wants_to_know_more(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", OEM_ERROR, "start", "--demo", str(demo.data)]) == 1
    word, command_id = capsys.readouterr().out.split()
    assert word == "id"
    assert run(["status", command_id, "--timeline", "--data", str(demo.data)]) == 1
    assert capsys.readouterr().err.startswith(
        "keyturn: Failed to send command to the OEM. Last exchange: POST /vehicles/"
    )


def test_send_in_json_prints_the_final_record(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", PARKED, "location", "--demo", str(demo.data), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["vin"], record["command"], record["status"]) == (PARKED, "location", "Success")


@pytest.mark.parametrize("answer", ["y\n", "Sim\n"])
def test_send_asks_for_the_confirmation(
    demo: Demo, answer: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vin = "9KTRENTED00000022" if answer == "y\n" else "9KTSTARTS00000009"
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert run(["send", vin, "disable_ignition", "--demo", str(demo.data)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith(f"disable_ignition {vin}  Success")
    assert vin in err
    assert err.endswith("Confirm? [y/N] ")
    assert _ledger(demo, vin) == ["disable_ignition"]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_what_is_not_confirmed_is_not_sent(
    demo: Demo, answer: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vin = "9KTH00D0000000003"
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert run(["send", vin, "disable_ignition", "--demo", str(demo.data)]) == 1
    assert "Not confirmed; nothing was sent to the vehicle." in capsys.readouterr().err
    assert _ledger(demo, vin) == []


def test_scripts_confirm_beforehand(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", "9KTFUEL0000000004", "disable_ignition", "--yes", "--json", "--demo", str(demo.data)]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "Success"


def test_a_person_confirms_and_watches_on_a_terminal(demo: Demo) -> None:
    ours, theirs = pty.openpty()
    words = ["send", "9KTBATT0000000005", "disable_ignition", "--demo", str(demo.data)]
    process = subprocess.Popen(
        [sys.executable, "-m", "keyturn", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="xterm", COLUMNS="120"),
    )
    os.close(theirs)
    seen = _read_until(ours, "[y/N] ")
    os.write(ours, b"y\n")
    seen += _read_until(ours, None)
    os.close(ours)
    assert process.wait(30) == 0
    assert "9KTBATT0000000005" in seen.partition("[y/N]")[0]
    assert "\x1b[32mSuccess" in seen


@pytest.mark.parametrize(
    ("vin", "command", "http_status", "detail", "registered"),
    [
        ("9KT0THER000000025", "location", 404, "VIN not found or unauthorized access.", False),
        (OEM_ERROR, "start", 502, "Failed to send command to the OEM.", True),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(
    demo: Demo,
    vin: str,
    command: str,
    http_status: int,
    detail: str,
    registered: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["send", vin, command, "--demo", str(demo.data)]
    assert run(words) == 1
    out, err = capsys.readouterr()
    assert err == f"keyturn: {detail}\n"
    assert out.startswith("id ") is registered
    assert run([*words, "--json"]) == 1
    said = json.loads(capsys.readouterr().err)
    assert (said["code"], said["http_status"], said["detail"]) == ("refused", http_status, detail)
    assert ("record" in said) is registered


def test_status_shows_a_command(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", PARKED, "location", "--demo", str(demo.data), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert run(["status", record["id"], "--demo", str(demo.data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == record
    assert run(["status", record["id"], "--wait", "5", "--demo", str(demo.data)]) == 0
    assert f"id       {record['id']}" in capsys.readouterr().out


def test_status_of_a_command_that_ended_in_error(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", OEM_ERROR, "lock_door", "--demo", str(demo.data), "--json"]) == 1
    command_id = json.loads(capsys.readouterr().err)["record"]["id"]
    assert run(["status", command_id, "--demo", str(demo.data), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "Error"


def test_options_and_environment_name_the_server(
    demo: Demo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    company = demo.told["companies"][1]
    monkeypatch.setenv("KEYTURN_URL", demo.told["url"])
    monkeypatch.setenv("KEYTURN_CLIENT_SECRET", company["client_secret"])
    monkeypatch.setenv("KEYTURN_SIGN_SECRET", company["sign_secret"])
    assert run(["send", company["vins"][0], "location", "--client-id", company["client_id"]]) == 0


def test_token_prints_a_token_that_the_server_takes(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--demo", str(demo.data)]) == 0
    token = capsys.readouterr().out.strip()
    assert token.count(".") == 2
    assert run(["token", "--demo", str(demo.data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["expiration"] == TOKEN_LIFE


def test_wrong_credentials(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["token", "--url", demo.told["url"], "--client-id", "nobody", "--client-secret", "nothing"]
    assert run(words) == 1
    assert capsys.readouterr().err == "keyturn: Invalid credentials.\n"


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", PARKED, "start", "--url", "http://127.0.0.1:9"]) == 2
    assert "--client-id, --client-secret, --sign-secret must be given" in capsys.readouterr().err


def test_missing_demo_is_reported(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--demo", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"keyturn: There is no demo in {tmp_path}.\n"


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--url", "http://127.0.0.1:9", "--client-id", "x", "--client-secret", "y"]) == 3
    assert capsys.readouterr().err.startswith("keyturn: No answer from http://127.0.0.1:9: ")


def _ledger(demo: Demo, vin: str) -> list[str]:
    with urlopen(f"{demo.told['oem_url']}/vehicles/{vin}/ledger") as response:
        actuations: list[dict[str, Any]] = json.load(response)["actuations"]
    return [actuation["command"] for actuation in actuations]


def _read_until(terminal: int, expected: str | None) -> str:
    """What the terminal shows up to and with `expected`; to its end with None."""
    seen = ""
    while expected is None or expected not in seen:
        try:
            seen += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break
    return seen
