"""``sign --v2`` and ``send --v2``."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from keyturn.cli.root import run

from .processes import Demo

PARKED = "9KTPARKED00000001"


@pytest.fixture
def told(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The first company of the demo, as the environment names it."""
    company = {**demo.told["companies"][0], "url": demo.told["url"]}
    for name in ("url", "client_id", "sign_secret", "token"):
        monkeypatch.setenv(f"KEYTURN_{name.upper()}", company[name])
    return company


def test_the_printed_request_is_accepted_once(told: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sign", PARKED, "location", "--v2", "--json"]) == 0
    request = json.loads(capsys.readouterr().out)
    assert [_sent(request)[0] for _ in range(2)] == [200, 403]


def test_the_lines_for_curl_are_the_same_request(told: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sign", "VÍN", "location", "--v2", "--code", "123456"]) == 0
    lines = [line.split(" = ", 1) for line in capsys.readouterr().out.splitlines()]
    options = [(name, json.loads(quoted)) for name, quoted in lines]
    assert options[0] == ("url", f"{told['url']}/vehicle-command")
    assert json.loads(options[-1][1]) == {"vin": "VÍN", "command": "location", "code": "123456"}
    headers = dict(text.split(": ", 1) for name, text in options if name == "header")
    code, body = _sent({"url": options[0][1], "headers": headers, "body": options[-1][1]})
    assert (code, body) == (404, {"detail": "VIN not found or unauthorized access."})


@pytest.mark.parametrize("missing", ["URL", "CLIENT_ID", "TOKEN"])
def test_what_is_missing_is_named(
    told: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(f"KEYTURN_{missing}")
    assert run(["sign", PARKED, "location", "--v2"]) == 2
    assert "--url, --client-id and --token must be given with --v2" in capsys.readouterr().err


def test_check_is_for_version_1(told: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sign", PARKED, "location", "--v2", "--check", "aa"]) == 2
    assert "--check compares signatures of version 1" in capsys.readouterr().err


def test_send_signs_with_version_2(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", PARKED, "location", "--v2", "--demo", str(demo.data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "Success"


def _sent(request: dict[str, Any]) -> tuple[int, object]:
    """HTTP code and body."""
    url = urlsplit(str(request["url"]))
    connection = HTTPConnection(url.netloc, timeout=30)
    connection.request("POST", url.path, request["body"], request["headers"])
    answer = connection.getresponse()
    told = answer.status, json.loads(answer.read())
    connection.close()
    return told
