"""Administration through the socket of a running server."""

import http.client
import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from keyturn.api.admin_socket import BODY_LIMIT, SOCKET_NAME
from keyturn.cli.admin_socket import open_admin_socket
from keyturn.cli.root import run

from .processes import Demo


def test_a_running_server_is_administered(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vehicle", "list", "Aurora Rentals", "--limit", "1000", "--data", str(demo.data), "--json"]) == 0
    vins = [vehicle["vin"] for vehicle in json.loads(capsys.readouterr().out)["vehicles"]]
    assert sorted(vins) == sorted(demo.told["companies"][0]["vins"])


def test_a_page_says_how_to_get_the_next(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vehicle", "list", "Aurora Rentals", "--limit", "2", "--data", str(demo.data)]) == 0
    _, first, second, more = capsys.readouterr().out.splitlines()
    assert more.startswith("More: --after ")
    after = more.split()[-1]
    assert run(["vehicle", "list", "Aurora Rentals", "--limit", "2", "--after", after, "--data", str(demo.data)]) == 0
    assert capsys.readouterr().out.splitlines()[1] not in {first, second}


def test_a_refusal_comes_back_with_its_code(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["company", "add", "Aurora Rentals", "--data", str(demo.data), "--json"]) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "name_taken"


def test_only_the_owner_can_open_the_socket(demo: Demo) -> None:
    assert stat.S_IMODE((demo.data / SOCKET_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/operations", b'{"name": "company burn"}', 400, "unknown_operation"),
        ("POST", "/operations", b'{"name": "company add", "arguments": {"nome": "x"}}', 400, "invalid_arguments"),
        ("POST", "/operations", b'{"arguments": {}}', 400, "invalid_request"),
        ("POST", "/operations", b"{", 400, "invalid_request"),
        ("POST", "/operations", b'{"name": "company list", "more": 1}', 400, "invalid_request"),
    ],
)
def test_what_the_socket_refuses(demo: Demo, method: str, path: str, body: bytes, status: int, code: str) -> None:
    assert _exchange(demo.data, method, path, body) == (status, code)


def test_a_body_beyond_the_limit_is_refused(demo: Demo) -> None:
    connection = _connection(demo.data)
    connection.putrequest("POST", "/operations")
    connection.putheader("Content-Length", str(BODY_LIMIT + 1))
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["code"]) == (413, "too_large")
    connection.close()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/operations", 405), ("POST", "/else", 404)])
def test_the_socket_serves_nothing_else(demo: Demo, method: str, path: str, status: int) -> None:
    connection = _connection(demo.data)
    connection.request(method, path, b"")
    assert connection.getresponse().status == status
    connection.close()


def test_admin_socket_is_none_without_a_server(tmp_path: Path) -> None:
    assert open_admin_socket(tmp_path / "missing") is None
    assert open_admin_socket(tmp_path) is None


def test_a_killed_server_leaves_a_socket_that_nobody_answers(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / SOCKET_NAME))
    left.close()
    assert open_admin_socket(tmp_path) is None


def test_the_data_directory_may_have_a_path_longer_than_a_socket_address(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    listening = socket.socket(socket.AF_UNIX)
    descriptor = os.open(directory, os.O_PATH)
    listening.bind(f"/proc/self/fd/{descriptor}/{SOCKET_NAME}")
    os.close(descriptor)
    listening.listen()
    connection = open_admin_socket(directory)
    assert connection is not None
    connection.close()
    listening.close()


def _connection(directory: Path) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(directory / SOCKET_NAME))
    return connection


def _exchange(directory: Path, method: str, path: str, body: bytes) -> tuple[int, Any]:
    connection = _connection(directory)
    connection.request(method, path, body)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())["code"]
    connection.close()
    return answer
