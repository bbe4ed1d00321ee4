"""The demo as a process: what it prints, and what it goes on with when it is started again."""

import io
import json
import shutil
import signal
import stat
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from keyturn.cli.root import run
from keyturn_client import KeyturnClient
from keyturn_simulator import fleet_vins

from .conftest import TOKEN_LIFE
from .processes import Demo, Running, keyturn

PARKED = "9KTPARKED00000001"


def test_the_line_tells_two_companies_with_all_their_vehicles(demo: Demo) -> None:
    assert list(demo.told) == ["url", "oem_url", "companies"]
    first, second = demo.told["companies"]
    for company in (first, second):
        assert list(company) == ["name", "client_id", "client_secret", "sign_secret", "token", "vins"]
    fleet = list(fleet_vins(3))
    assert first["vins"] == [vehicle.vin for vehicle in fleet if vehicle.company == 1]
    assert second["vins"] == ["9KT0THER000000025"]


def test_the_token_is_good(demo: Demo) -> None:
    for company in demo.told["companies"]:
        with pytest.raises(HTTPError) as refused:
            _ask(demo.told["url"], company["token"])
        with refused.value as answer:
            assert answer.code == 404


def test_only_the_first_company_may_immobilise(demo: Demo) -> None:
    applications = _administered(demo, "application", "list")["applications"]
    granted = {application["company"]: "disable_ignition" in application["grants"] for application in applications}
    assert granted == {"Aurora Rentals": True, "Boreal Fleet": False}


@pytest.mark.parametrize(
    ("vin", "field", "value"),
    [
        (PARKED, "account", "simulator"),
        ("9KTN0C0V000000011", "account", "simulator-short"),
        ("9KTLATE0000000012", "account", "simulator-short"),
        ("9KTRLYPRK00000026", "account", "relay"),
        ("9KTRENTED00000022", "ownership", "rented"),
        ("9KTTH1RD000000023", "ownership", "third_party"),
        ("9KTN0PLAN00000024", "plan", "location"),
        ("9KTNCNSNT00000029", "consent_reference", None),
        ("9KT0THER000000025", "company", "Boreal Fleet"),
        ("9KTFLEET000000003", "plan", "all"),
    ],
)
def test_vehicles_are_enrolled_as_their_behaviour_asks(demo: Demo, vin: str, field: str, value: object) -> None:
    assert _administered(demo, "vehicle", "show", vin)[field] == value


def test_secrets_are_for_the_owner_only(demo: Demo) -> None:
    for name in ("demo.json", "keyturn.keys", "keyturn.db"):
        assert stat.S_IMODE((demo.data / name).stat().st_mode) == 0o600


def test_a_second_demo_on_the_same_data_is_refused(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--data", str(demo.data), "--port", "0"]) == 3
    out, err = capsys.readouterr()
    assert err.endswith(f"is in use by another Keyturn (pid {demo.process.pid}).\n")
    assert err.count("\n") == 1
    assert out == ""


def test_a_port_that_is_taken_is_refused(demo: Demo, tmp_path: Path) -> None:
    port = demo.told["url"].rpartition(":")[2]
    refused = keyturn("demo", "--data", tmp_path, "--port", port)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr == f"keyturn: Port {port} on 127.0.0.1 is already in use.\n"


@pytest.fixture(scope="module")
def travelled(tmp_path_factory: pytest.TempPathFactory) -> "Travelled":
    return Travelled(tmp_path_factory.mktemp("travelled"))


class Travelled:
    """A demo that was used and killed, started and stopped, and started again."""

    def __init__(self, data: Path) -> None:
        with Demo(data) as first:
            assert run(["send", PARKED, "disable_ignition", "--yes", "--demo", str(data)]) == 0
            self.ledger = _ledger(first)
            first.kill()
        with Demo(data) as second:
            self.stopped = second.stop()
        with Demo(data, vehicles=2) as third:
            self.ledger_again = _ledger(third)
            self.interrupted = third.stop(signal.SIGINT)
        self.lines = [first.ready, second.ready, third.ready]
        self.data = data


def test_demo_goes_on_with_the_same_line(travelled: Travelled) -> None:
    assert travelled.lines[1:] == [travelled.lines[0]] * 2


def test_the_ledger_survives(travelled: Travelled) -> None:
    assert [actuation["command"] for actuation in travelled.ledger] == ["disable_ignition"]
    assert travelled.ledger_again == travelled.ledger


def test_signals_end_the_demo_quietly(travelled: Travelled) -> None:
    assert travelled.stopped == (0, "", "")
    assert travelled.interrupted == (0, "", "")


def test_demo_without_its_file_goes_on_with_new_secrets(travelled: Travelled) -> None:
    (travelled.data / "demo.json").unlink()
    before = json.loads(travelled.lines[0])["companies"][0]
    with Demo(travelled.data) as demo:
        after = demo.told["companies"][0]
        assert (after["client_id"], after["vins"]) == (before["client_id"], before["vins"])
        assert after["client_secret"] != before["client_secret"]
        with KeyturnClient(
            demo.told["url"], after["client_id"], after["client_secret"], after["sign_secret"]
        ) as client:
            assert client.send(PARKED, "location")["status"] == "Pending"
        assert _administered(demo, "application", "show", after["client_id"])["sign_secrets"] == 1


def test_demo_does_not_go_on_without_good_secrets(travelled: Travelled, tmp_path: Path) -> None:
    data = shutil.copytree(travelled.data, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    first = json.loads(travelled.lines[0])["companies"][0]
    assert run(["application", "rotate-secret", first["client_id"], "--data", str(data)]) == 0
    refused = keyturn("demo", "--data", data, "--port", 0)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("the application of Aurora Rentals is refused: Invalid credentials.\n")


def test_the_environment_goes_over_its_settings(demo: Demo) -> None:
    company = demo.told["companies"][0]
    with KeyturnClient(demo.told["url"], company["client_id"], company["client_secret"], "unused") as client:
        assert client.token().lifetime == TOKEN_LIFE


def test_settings_that_are_wrong_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYTURN_SERVER_PROT", "1")
    assert run(["demo", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("keyturn: server.prot: no such key; the nearest is 'port'")


def test_a_person_sees_one_command_and_how_to_go_on(tmp_path: Path) -> None:
    with Running("demo", "--port", "0", "--latency", "0", "--data", tmp_path) as demo:
        assert demo.process.stdout is not None
        shown = ""
        while "Ctrl-C ends the demo." not in shown:
            line = demo.process.stdout.readline().decode()
            assert line, shown
            shown += line
        code, _, err = demo.stop(signal.SIGINT)
    assert (code, err) == (0, "")
    assert f"location {PARKED}  Success  date_time" in shown
    assert "Authorization: Bearer ey" in shown
    assert "X-Signature: " in shown
    assert f"send {PARKED} disable_ignition --demo {tmp_path}" in shown


def _administered(demo: Demo, *words: str) -> dict[str, Any]:
    told = io.StringIO()
    with redirect_stdout(told):
        assert run([*words, "--data", str(demo.data), "--json"]) == 0
    answer: dict[str, Any] = json.loads(told.getvalue())
    return answer


def _ledger(demo: Demo) -> list[dict[str, Any]]:
    with urlopen(f"{demo.told['oem_url']}/ledger") as response:
        actuations: list[dict[str, Any]] = json.load(response)["actuations"]
    return actuations


def _ask(url: str, token: str) -> None:
    urlopen(Request(f"{url}/vehicle-command/none", headers={"Authorization": f"Bearer {token}"})).close()
