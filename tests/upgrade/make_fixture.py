"""Make the fixture: run by the Python of a checkout of the oldest version, with that version's own programs.

    git worktree add --detach OLD da84a1e && make -C OLD .venv/.ready
    OLD/.venv/bin/python tests/upgrade/make_fixture.py tests/upgrade/fixture

Every secret is made for the fixture alone. `expected.json` says what is in it.
"""

import base64
import contextlib
import datetime
import gzip
import json
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keyturn.auth.totp import code_at, step_at
from keyturn.commands.model.catalogue import COMMANDS
from keyturn_client import KeyturnClient, KeyturnError

KEYTURN = str(Path(sys.executable).with_name("keyturn"))
PASSWORD = "a throwaway phrase"
FILES = ("keyturn.toml", "keyturn.keys", "client.pem", "client.key", "mail-password", "alert-secret")
FINAL = ("Executed", "Verified", "Refused", "Failed", "Expired", "Cancelled")


class Installation:
    """The old version in `folder`: its programs, started there, and the operators who sign in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._secrets: dict[str, bytes] = {}
        self._used: dict[str, int] = {}

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[str]:
        """A server of the command line; its URL."""
        process = subprocess.Popen([KEYTURN, *words, "--json"], cwd=self.folder, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def do(self, *words: str, by: str | None = None, lines: tuple[str, ...] = ()) -> dict[str, Any]:
        """The answer of an administration command."""
        more = ["--operator", by] if by else []
        signing_in = (PASSWORD, self._code(by)) if by else ()
        stdin = "\n".join([*signing_in, *lines, ""])
        command = [KEYTURN, *words, "--config", "keyturn.toml", "--json", *more]
        if by or lines:
            command.append("--password-stdin")
        done = subprocess.run(command, cwd=self.folder, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def hire(self, name: str, role: str) -> None:
        """An operator of the first company, with a second factor."""
        words = ("operator", "add", name, f"{name}@fleet.example", role, "--company", "Aurora Rentals")
        self.do(*words, lines=(PASSWORD,))
        told = self.do("operator", "enrol-totp", by=name)
        self._secrets[name] = base64.b32decode(parse_qs(urlsplit(told["otpauth"]).query)["secret"][0])

    def second_factors(self) -> dict[str, str]:
        """The secrets in hex, by operator."""
        return {name: secret.hex() for name, secret in self._secrets.items()}

    def _code(self, name: str) -> str:
        """A code that was not used before; empty before there is a second factor."""
        if name not in self._secrets:
            return ""
        step = max(step_at(time.time_ns() // 1000), self._used.get(name, 0) + 1)
        while step > step_at(time.time_ns() // 1000) + 1:
            time.sleep(1.0)
        self._used[name] = step
        return code_at(self._secrets[name], step)


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        installation = Installation(Path(name))
        write_files(target, installation.folder)
        simulator = ("simulate", "--port", "18432", "--latency", "0.2", "--vehicles", "5")
        with installation.running(*simulator), installation.running("serve", "--config", "keyturn.toml") as url:
            applications = enrol(installation)
            live(installation, url, applications)
            installation.do("audit", "checkpoint")
            installation.do("backup", "copy.db")
            time.sleep(2.0)
        keep(installation, target, applications)


def write_files(source: Path, folder: Path) -> None:
    """What the configuration names."""
    shutil.copy(source / "keyturn.toml", folder)
    (folder / "checkpoints").mkdir()
    (folder / "mail-password").write_text("throwaway\n")
    (folder / "alert-secret").write_text(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}\n")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fixture")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    certificate = certificate.serial_number(1).not_valid_before(begin)
    signed = certificate.not_valid_after(begin + datetime.timedelta(days=36500)).sign(key, hashes.SHA256())
    (folder / "client.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "client.key").write_bytes(pem)
    for name in ("mail-password", "alert-secret", "client.key"):
        (folder / name).chmod(0o600)


def enrol(installation: Installation) -> dict[str, dict[str, Any]]:
    """Two companies, each with an application, an account and vehicles. The applications by company."""
    do = installation.do
    do("plan", "add", "all", *COMMANDS)
    do("plan", "add", "location", "location")
    (installation.folder / "credentials.json").write_text('{"token": "sim-oem-token"}')
    applications = {}
    for company in ("Aurora Rentals", "Boreal Fleet"):
        do("company", "add", company)
        do("account", "add", company, "simulator", "main", "credentials.json")
        applications[company] = do("application", "add", company, "desk", "--grants", *COMMANDS)
    do("application", "rotate-secret", "desk", "--company", "Boreal Fleet", "--sign")
    for vin in VINS:
        words = ("Aurora Rentals", vin, "main", "all", "rented", "--consent", "contract 1")
        do("vehicle", "add", *words)
    do("vehicle", "add", "Boreal Fleet", "9KT0THER000000025", "main", "location", "owned", "--powertrain", "electric")
    return applications


VINS = (
    "9KTPARKED00000001", "9KTM0V1NG00000002", "9KTH00D0000000003", "9KTN0C0V000000011", "9KT0EM50000000013",
    "9KTT1ME0000000015", "9KTL1AR0000000020", "9KTRENTED00000022", "9KTSL0W0000000019",
    "9KTFUEL0000000004", "9KTBATT0000000005", "9KTM1L00000000008", "9KTTH1RD000000023",
)  # fmt: skip


def live(installation: Installation, url: str, applications: dict[str, dict[str, Any]]) -> None:
    """Commands of every kind to every end that can be had, and what administrators do."""
    do = installation.do
    made = applications["Aurora Rentals"]
    with KeyturnClient(url, made["client_id"], made["client_secret"], made["sign_secret"]) as client:
        for command in COMMANDS:
            send(client, "9KTPARKED00000001", command)
        for vin, command in OTHER_ENDS:
            send(client, vin, command)
        do("switch", "throw", "actuating", "--company", "Aurora Rentals", "--reason", "a drill")
        send(client, "9KTPARKED00000001", "alert")
        do("switch", "release", "actuating", "--company", "Aurora Rentals")
        do("switch", "throw", "disable", "--company", "Boreal Fleet", "--reason", "stays in force")
        do("notice", "add", "9KTRENTED00000022", "sms", "--text", "the ignition was disabled")
        installation.hire("vera", "viewer")
        installation.hire("pia", "approver")
        do("policy", "set", "Aurora Rentals", "--second-person", "--disables-per-actor-hour", "9")
        waiting = [send(client, vin, "disable_ignition", end=False) for vin in VINS[-4:]]
        do("approval", "approve", waiting[0], by="pia")
        do("approval", "reject", waiting[1], by="pia")
        do("command", "cancel", waiting[2])
        installation.hire("ada", "admin")
        do("policy", "set", "Aurora Rentals", "--no-second-person", by="ada")
        do("keep-enabling", "start", "9KTL1AR0000000020", by="pia")
        client.send("9KTPARKED00000001", "disable_ignition")  # its code is not redeemed
        send(client, "9KTSL0W0000000019", "lock_door", end=False)
        send(client, "9KTSL0W0000000019", "start")  # expires behind the other
        time.sleep(6.0)


OTHER_ENDS = (
    ("9KTPARKED00000001", "enable_ignition"), ("9KTPARKED00000001", "start"), ("9KTPARKED00000001", "cancel_start"),
    ("9KTM0V1NG00000002", "disable_ignition"), ("9KTH00D0000000003", "start"), ("9KT0EM50000000013", "lock_door"),
    ("9KTN0C0V000000011", "location"), ("9KTT1ME0000000015", "diagnostics"), ("9KTL1AR0000000020", "lock_door"),
    ("9KTRENTED00000022", "disable_ignition"),
)  # fmt: skip


def send(client: KeyturnClient, vin: str, command: str, *, end: bool = True) -> str:
    """Send it, with its code where it needs one, and wait some seconds for its end. Its id, empty where refused."""
    try:
        record = client.send(vin, command)
        if record["status"] == "Confirmation":
            record = client.send(vin, command, code=record["code"])
        if end:
            client.status(record["id"], wait=6)
        return str(record["id"])
    except KeyturnError as error:
        print(vin, command, error)
        return ""


def keep(installation: Installation, target: Path, applications: dict[str, dict[str, Any]]) -> None:
    """The database without its free pages, the files beside it, and what is expected of them."""
    folder = installation.folder
    with contextlib.closing(sqlite3.connect(folder / "data" / "keyturn.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("VACUUM INTO ?", (str(folder / "small.db"),))
        commands = dict(database.execute("SELECT id, state FROM command").fetchall())
        kinds = [kind for (kind,) in database.execute("SELECT DISTINCT kind FROM entry ORDER BY kind")]
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in sorted(tables)}
    (target / "keyturn.db.gz").write_bytes(gzip.compress((folder / "small.db").read_bytes(), 9, mtime=0))
    shutil.copy(folder / "checkpoints" / "keyturn.checkpoints", target)
    for name in FILES:
        shutil.copy(folder / name, target)
    final = {key: state for key, state in commands.items() if state in FINAL}
    known = {"applications": applications, "password": PASSWORD, "second_factors": installation.second_factors()}
    expected = {**known, "commands": commands, "final": final, "kinds": kinds, "rows": rows}
    (target / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(sorted(set(commands.values())), kinds, sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
