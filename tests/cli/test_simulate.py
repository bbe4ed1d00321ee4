import json
import socket
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from keyturn.cli.root import run

from .processes import Running

VIN = "9KTFLEET000000002"


def test_simulates_an_oem_until_it_is_told_to_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--data", tmp_path, "--vehicles", 2, "--token", "other", "--json")
    with Running("simulate", *words) as simulator:
        url = json.loads(simulator.ready)["url"]
        request = Request(f"{url}/vehicles/{VIN}/state", headers={"Authorization": "Bearer other"})
        with urlopen(request) as answer:
            assert json.load(answer)["vin"] == VIN
        assert run(["simulate", *map(str, words)]) == 3
        assert json.loads(capsys.readouterr().err)["code"] == "store_refused"
        assert simulator.stop()[:2] == (0, "")


def test_a_port_that_is_taken_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["simulate", "--port", str(port)]) == 3
    assert capsys.readouterr().err == f"keyturn: Port {port} on 127.0.0.1 is already in use.\n"


def test_data_that_is_damaged_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "simulator.journal").write_text("rubbish\n")
    assert run(["simulate", "--data", str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith(f"keyturn: The simulator's data in {tmp_path} cannot be used: line 1 of ")
