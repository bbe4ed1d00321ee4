"""What the oldest version left behind is opened by this one, and everything in it still works."""

import json
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from keyturn.audit.kinds import RENAMED, current
from keyturn.auth.totp import code_at, step_at
from keyturn.clock import SECOND
from keyturn.commands.model.states import STATUS, State, Status
from keyturn.config import aliases
from keyturn.config.loading import load_settings
from keyturn.config.validation import KeyPath
from keyturn_client import KeyturnClient
from tests.cli.processes import keyturn
from tests.support.clock import ManualClock
from tests.support.store_reader import connect
from tests.support.tenant_env import TenantEnv

from .conftest import EXPECTED, FIXTURE, unpack

AURORA = "Aurora Rentals"
LISTS = {
    "company list": "companies", "application list": "applications", "plan list": "plans", "account list": "accounts",
    f"vehicle list|{AURORA}": "vehicles", "operator list": "operators", "change list": "changes",
    "switch list": "switches", "immobilisation list": "immobilisations", "immobilised": "immobilisations",
}  # fmt: skip
"""By command, the member of its answer that is not empty."""


def leaves(tree: dict[str, Any], above: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


KEYS = list(leaves(tomllib.loads((FIXTURE / "keyturn.toml").read_text())))


def administer(folder: Path, words: str, *more: str, stdin: str = "") -> dict[str, Any]:
    command, *arguments = words.split("|")
    done = keyturn(*command.split(), *arguments, "--config", folder / "keyturn.toml", "--json", *more, stdin=stdin)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def application(url: str, company: str) -> Iterator[KeyturnClient]:
    made = EXPECTED["applications"][company]
    with KeyturnClient(url, made["client_id"], made["client_secret"], made["sign_secret"]) as client:
        yield client


@pytest.mark.parametrize(("path", "value"), KEYS, ids=[".".join(path) for path, _ in KEYS])
def test_each_key_of_the_old_configuration_says_what_it_said(path: KeyPath, value: Any) -> None:
    found: Any = load_settings(FIXTURE / "keyturn.toml", {})
    for key in aliases.current_path(path):
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert (list(found) if isinstance(found, tuple) else found) == value


def test_the_fixture_has_every_final_state_and_every_table_in_use() -> None:
    assert set(EXPECTED["final"].values()) == {"Verified", "Executed", "Refused", "Failed", "Expired", "Cancelled"}
    assert {"Unknown", "AwaitingApproval"} <= set(EXPECTED["commands"].values())
    used = {name for name, count in EXPECTED["rows"].items() if count}
    assert used >= {
        "kill_switch",
        "immobilisation",
        "notice",
        "alert",
        "chain_checkpoint",
        "open_code",
        "redeemed_code",
    }
    assert {"switch.thrown", "switch.released", "change.proposed"} <= set(EXPECTED["kinds"])


@pytest.mark.parametrize("command_id", EXPECTED["final"])
def test_an_old_record_is_read_by_its_id(url: str, command_id: str) -> None:
    with application(url, AURORA) as client:
        record = client.status(command_id)
    state = State(EXPECTED["final"][command_id])
    assert (record["id"], record["status"]) == (command_id, STATUS[state])


def test_the_old_credentials_send_a_signed_command(url: str) -> None:
    with application(url, AURORA) as client:
        sent = client.send("9KTPARKED00000001", "lock_door")
        *_, record = client.follow(sent["id"])
    assert record["status"] == Status.SUCCESS


def test_a_policy_and_a_switch_of_old_are_in_force(folder: Path, url: str) -> None:
    assert administer(folder, f"policy show|{AURORA}")["second_person"] is True
    (switch,) = administer(folder, "switch list")["switches"]
    assert (switch["name"], switch["reach"]) == ("Boreal Fleet", "disable")


def test_an_operator_signs_in_with_the_second_factor_of_old(folder: Path, url: str) -> None:
    code = code_at(bytes.fromhex(EXPECTED["second_factors"]["ada"]), step_at(time.time_ns() // 1000))
    stdin = f"{EXPECTED['password']}\n{code}\n"
    who = ("--operator", "ada", "--password-stdin")
    assert administer(folder, "operator list", *who, stdin=stdin)["operators"]


@pytest.mark.parametrize(("words", "member"), LISTS.items())
def test_the_command_line_reads_its_tables(folder: Path, url: str, words: str, member: str) -> None:
    assert administer(folder, words)[member]


@pytest.fixture(scope="module")
def at_that_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantEnv]:
    """The old data opened a moment after it was left: what waits and what was sent is deleted with time."""
    place = unpack(tmp_path_factory.mktemp("then"))
    with closing(connect(place / "data" / "keyturn.db")) as connection:
        left = int(connection.execute("SELECT max(at) FROM entry").get or 0)
    env = TenantEnv(place / "data", ManualClock(left + SECOND), place / "keyturn.keys")
    yield env
    env.close()


def test_what_waited_for_approval_still_waits(at_that_time: TenantEnv) -> None:
    (waiting,) = at_that_time.do("approval list", company=AURORA)["approvals"]
    assert EXPECTED["commands"][waiting["id"]] == "AwaitingApproval"


def test_alerts_of_old_are_listed_under_present_kinds(folder: Path, url: str, at_that_time: TenantEnv) -> None:
    kinds = {alert["kind"] for alert in at_that_time.do("alerts list")["alerts"]}
    assert "switch.activated" in kinds
    assert not kinds & RENAMED.keys()
    assert not {alert["kind"] for alert in administer(folder, "alerts list")["alerts"]} & RENAMED.keys()


def test_a_timeline_and_a_dossier_tell_of_an_old_command(folder: Path, url: str, tmp_path: Path) -> None:
    command_id = next(key for key, state in EXPECTED["final"].items() if state == "Verified")
    timeline = administer(folder, f"status|{command_id}|--timeline")["timeline"]
    assert "command.Verified" in [event["kind"] for event in timeline]
    administer(folder, f"dossier|{command_id}|--out|{tmp_path}")
    told = json.loads((tmp_path / f"dossier-{command_id}.json").read_text())
    assert [entry["kind"] for entry in told["entries"]] == [current(entry["kind"]) for entry in told["entries"]]


def test_the_chain_verifies_against_the_checkpoints_that_were_kept_then(folder: Path, url: str, tmp_path: Path) -> None:
    kept = ("--checkpoints", str(FIXTURE / "keyturn.checkpoints"))
    assert administer(folder, "audit verify", *kept)
    administer(folder, f"switch activate|disable|--company|{AURORA}|--reason|a drill")
    administer(folder, "audit checkpoint")
    assert administer(folder, "audit verify", *kept)
    export = tmp_path / "export"
    administer(folder, f"audit export|{export}")
    kinds = {line["entry"]["kind"] for line in map(json.loads, export.read_text().splitlines()) if "entry" in line}
    assert {"switch.thrown", "switch.activated"} <= kinds, "an export has what the hashes cover"
    done = keyturn("audit", "verify", export, *kept)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_backup_of_old_is_restored_where_it_is_said_to_be_unsigned(tmp_path: Path) -> None:
    place = unpack(tmp_path)
    backup = place / "backup.db"
    (place / "data" / "keyturn.db").rename(backup)
    where = ("--data", place / "data")
    key_file = {"KEYTURN_KEYS_FILE": str(place / "keyturn.keys")}
    assert keyturn("restore", backup, *where, **key_file).returncode == 3
    restored = keyturn("restore", backup, "--unsigned", *where, **key_file)
    assert restored.returncode == 0, restored.stderr
    assert keyturn("company", "show", AURORA, *where, **key_file).returncode == 0
