"""Operators on the command line: secrets come from the terminal or standard input, and from nowhere else."""

import base64
import io
import json
import os
import pty
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from keyturn.api.admin_socket import SOCKET_NAME
from keyturn.auth.totp import code_at, step_at
from keyturn.cli.root import run
from keyturn.clock import SystemClock

from .processes import Running, environment

PASSWORD = "a long enough phrase"
ANA = ("operator", "add", "ana", "ana@example.com", "admin")


class Desk:
    """Commands on one data directory, in this process; `lines` is what they read from standard input."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.data = data
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def tell(self, *words: str, lines: tuple[str, ...] = (), code: int = 0) -> dict[str, Any]:
        self._monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        options = ["--data", str(self.data), "--json", *(["--password-stdin"] if lines else [])]
        assert run([*words, *options]) == code
        out, err = self._capsys.readouterr()
        assert PASSWORD not in out + err
        told: dict[str, Any] = json.loads(err if code else out)
        return told

    def enrolled(self) -> bytes:
        """The secret of ana's second factor, as her telephone gets it."""
        self.tell(*ANA, lines=(PASSWORD,))
        told = self.tell("operator", "enrol-totp", "--operator", "ana", lines=(PASSWORD, ""))
        return base64.b32decode(parse_qs(urlsplit(told["otpauth"]).query)["secret"][0])


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path / "data", capsys, monkeypatch)


def fresh(secret: bytes) -> str:
    return code_at(secret, step_at(SystemClock().now()))


def next_code(secret: bytes) -> str:
    """For who has used the one of this half minute."""
    return code_at(secret, step_at(SystemClock().now()) + 1)


def test_an_admin_signs_in_with_both_factors_and_a_change_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tell("company", "add", "ACME")
    secret = desk.enrolled()
    loosening = ("application", "add", "ACME", "desk")

    assert desk.tell(*loosening, code=1)["code"] == "sign_in_required"
    monkeypatch.setenv("KEYTURN_OPERATOR", "ana")
    assert desk.tell(*loosening, lines=(PASSWORD, ""), code=1)["code"] == "sign_in_required"
    change = desk.tell(*loosening, lines=(PASSWORD, fresh(secret)))
    assert (change["state"], change["needs"]) == ("pending", None)
    withdrawn = desk.tell("change", "withdraw", change["change"], lines=(PASSWORD, ""))
    assert withdrawn["state"] == "withdrawn"


def test_a_newcomer_sets_the_password_with_a_code_and_nobody_else_hears_it(desk: Desk) -> None:
    secret = desk.enrolled()
    words = ("operator", "add", "vera", "v@b.c", "viewer", "--operator", "ana")
    told = desk.tell(*words, lines=(PASSWORD, fresh(secret)))
    own = "a phrase that is vera's"

    accept = ("operator", "accept", "vera")
    assert desk.tell(*accept, lines=("wrong", own.replace("vera", "her")), code=1)["code"] == "code_refused"
    assert desk.tell(*accept, lines=(told["code"], own), code=1)["code"] == "weak_password"
    own = own.replace("vera", "her")
    assert desk.tell(*accept, lines=(told["code"], own))["second_factor"] is False
    otpauth = desk.tell("operator", "enrol-totp", "--operator", "vera", lines=(own, ""))["otpauth"]
    assert otpauth.startswith("otpauth://")


def test_a_code_for_a_second_factor_is_asked_for_where_it_is_meant(desk: Desk) -> None:
    desk.tell("operator", "add", "vera", "v@b.c", "viewer", lines=(PASSWORD,))
    enrol = ("operator", "enrol-totp", "--operator", "vera")
    desk.tell(*enrol, lines=(PASSWORD, ""))
    code = desk.tell("operator", "reset-totp", "vera")["code"]

    assert desk.tell(*enrol, lines=(PASSWORD, ""), code=1)["code"] == "sign_in_required"
    assert desk.tell(*enrol, "--with-code", lines=(PASSWORD, "", "wrong"), code=1)["code"] == "code_refused"
    assert desk.tell(*enrol, "--with-code", lines=(PASSWORD, "", code))["otpauth"].startswith("otpauth://")


def test_a_secret_that_a_change_makes_is_collected_on_the_command_line(desk: Desk) -> None:
    """Here it is too early: the change waits for its notice."""
    desk.tell("company", "add", "ACME")
    desk.tell("application", "add", "ACME", "desk")
    secret = desk.enrolled()
    rotate = ("application", "rotate-secret", "desk", "--operator", "ana")
    change = desk.tell(*rotate, lines=(PASSWORD, fresh(secret)))
    assert change["named"]["application"][0]["name"] == "desk"
    collect = ("change", "collect", change["change"], "--operator", "ana")
    assert desk.tell(*collect, lines=(PASSWORD, next_code(secret)), code=1)["code"] == "nothing_to_collect"
    assert desk.tell("change", "withdraw", change["change"])["state"] == "withdrawn"


def test_a_password_of_ones_own_is_asked_for_and_anothers_is_not(desk: Desk) -> None:
    desk.tell("operator", "add", "vera", "v@b.c", "viewer", lines=(PASSWORD,))
    secret = desk.enrolled()
    own = ("operator", "set-password", "ana", "--operator", "ana")
    assert desk.tell(*own, lines=(PASSWORD, fresh(secret), PASSWORD))["name"] == "ana"
    anothers = ("operator", "set-password", "vera", "--operator", "ana")
    assert desk.tell(*anothers, lines=(PASSWORD, next_code(secret)))["state"] == "pending"


def test_a_wrong_password_is_refused_without_being_repeated(desk: Desk) -> None:
    desk.tell(*ANA, lines=(PASSWORD,))
    refused = desk.tell("company", "list", "--operator", "ana", lines=("not the password", ""), code=1)

    assert refused["code"] == "sign_in_refused"
    assert "not the password" not in json.dumps(refused)


def test_a_password_is_no_argument(desk: Desk) -> None:
    refused = desk.tell(*ANA, "--password", "short", code=2)
    assert refused["code"] == "usage"


def test_without_a_terminal_a_password_is_not_asked_for(desk: Desk) -> None:
    """In a session of its own, so that there is no terminal to ask at."""
    reading, writing = os.pipe()
    os.close(writing)
    words = [sys.executable, "-m", "keyturn", *ANA, "--data", str(desk.data)]
    pid = os.posix_spawn(
        sys.executable,
        words,
        environment(),
        file_actions=[
            (os.POSIX_SPAWN_DUP2, reading, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(desk.data) + ".err", 0o101, 0o600),
        ],
        setsid=True,
    )
    os.close(reading)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    assert "give --password-stdin" in Path(f"{desk.data}.err").read_text()


def test_at_a_terminal_a_password_is_asked_for_twice_and_not_shown(desk: Desk) -> None:
    shown = at_terminal([*ANA, "--data", str(desk.data)], [PASSWORD, PASSWORD])

    assert "New password: " in shown
    assert "New password again: " in shown
    assert PASSWORD not in shown
    assert desk.tell("company", "list", "--operator", "ana", lines=(PASSWORD, "")) == {"companies": []}


def test_two_passwords_that_differ_are_refused(desk: Desk) -> None:
    shown = at_terminal([*ANA, "--data", str(desk.data)], [PASSWORD, PASSWORD + "!"])

    assert "The two are not the same." in shown
    assert desk.tell("operator", "list") == {"operators": []}


def test_credentials_travel_over_the_local_socket(desk: Desk) -> None:
    secret = desk.enrolled()
    with Running("serve", "--data", desk.data, "--port", 0, "--json"):
        assert (desk.data / SOCKET_NAME).stat().st_mode & 0o077 == 0
        code = fresh(secret)
        assert desk.tell("company", "list", "--operator", "ana", lines=(PASSWORD, "")) == {"companies": []}
        assert desk.tell("company", "add", "ACME", "--operator", "ana", lines=(PASSWORD, code))["name"] == "ACME"
        loosening = ("application", "add", "ACME", "desk", "--operator", "ana")
        assert desk.tell(*loosening, lines=(PASSWORD, next_code(secret)))["state"] == "pending"
        refused = desk.tell(*loosening, lines=("not the password", fresh(secret)), code=1)
        assert refused["code"] == "sign_in_refused"


def test_a_backup_is_made_by_admins_alone(desk: Desk, tmp_path: Path) -> None:
    desk.tell("company", "add", "ACME")
    desk.tell("operator", "add", "vera", "v@b.c", "viewer", lines=(PASSWORD,))
    desk.tell("operator", "add", "frida", "f@b.c", "admin", "--company", "ACME", lines=(PASSWORD,))
    desk.tell(*ANA, lines=(PASSWORD,))

    def backed_up(name: str, code: int) -> dict[str, Any]:
        words = ("backup", str(tmp_path / name), "--operator", name)
        return desk.tell(*words, lines=(PASSWORD, ""), code=code)

    assert backed_up("vera", 1)["code"] == "role_required"
    assert backed_up("frida", 1)["code"] == "unknown_operation"
    assert backed_up("ana", 0)["file"] == str(tmp_path / "ana")


def at_terminal(words: list[str], answers: list[str]) -> str:
    """Everything that a terminal shows, when each prompt is answered."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "keyturn", *words], environment())
    shown = ""
    waiting = list(answers)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            shown += os.read(terminal, 1024).decode()
        except OSError:
            break
        if waiting and shown.count("New password") == len(answers) - len(waiting) + 1 and shown.endswith(": "):
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown
