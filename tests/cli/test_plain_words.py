"""Whatever a command prints for people: no raw instants, dictionaries or values in a language's own spelling."""

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import msgspec
import pytest

from keyturn.cli.output import format_value
from keyturn.cli.root import GROUPS, run
from keyturn.config.settings import CommandSettings
from keyturn.operations import OPERATIONS
from tests.support.operators import PASSWORD, Staff
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, RENTED, HOOD, MOVING, OEM_ERROR, FLAKY = (
    "9KTPARKED00000001",
    "9KTRENTED00000022",
    "9KTH00D0000000003",
    "9KTM0V1NG00000002",
    "9KT0EM50000000013",
    "9KTFLAKY000000017",
)
FEW = ["9KTFUEL0000000004", "9KTBATT0000000005", "9KTHAZARD00000006"]
RAW = re.compile(r"\d{15,}|\{'|\['|\('|\b(None|True|False)\b|[<]\w+ object|frozenset|datetime\.")
ELSEWHERE = {"demo", "serve", "simulate", "restore", "token", "sign", "connector"}
"""Print no answer of an operation: a URL, a secret, a signature, or nothing; `connector` has a test of its own."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Terminal:
    """The command line, as a person without `--json` sees it; `used` are the commands, with their verbs."""

    def __init__(self, server: ServerEnv, staff: Staff) -> None:
        self.server = server
        self.staff = staff
        self.used: set[str] = set()

    async def tell(self, words: str, *more: str, by: str | None = None, lines: str = "", code: int | None = 0) -> str:
        """`code` None: what it says is looked at, whether it is done or refused."""
        told = [*words.split(), *more]
        self.used |= {told[0], " ".join(told[:2])}
        options = ["--data", self.server.settings.server.data]
        if by:
            signing = self.staff.credentials(by)
            options += ["--operator", by, "--password-stdin"]
            lines = f"{signing.password}\n{signing.code or ''}\n{lines}"
        return await self.see([*told, *options], lines, code)

    async def call(self, words: str, *more: str, code: int = 0) -> str:
        """A command that goes to the server as the first company's application."""
        first = self.server.first
        access = ["--url", self.server.url, "--client-id", first.client_id, "--client-secret", first.client_secret]
        told = [*words.split(), *more]
        self.used |= {told[0]}
        return await self.see([*told, *access, "--sign-secret", first.sign_secret], "", code)

    async def see(self, words: list[str], lines: str, code: int | None) -> str:
        out, err = io.StringIO(), io.StringIO()
        stdin, sys.stdin = sys.stdin, io.StringIO(lines)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                ended = await asyncio.to_thread(run, words)
        finally:
            sys.stdin = stdin
        text = out.getvalue() + err.getvalue()
        assert code is None or ended == code, text
        assert not RAW.search(text), (words, RAW.findall(text), text)
        return text


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with server_env(tmp_path, commands=CommandSettings(initiate_wait=5.0)) as s:
        yield Terminal(s, Staff(s))


def id_in(text: str) -> str:
    """The first id of a command or change."""
    found = re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", text)
    assert found is not None, text
    return found[0]


async def test_every_command_speaks_plainly(terminal: Terminal, tmp_path: Path) -> None:
    t = terminal
    credentials = tmp_path / "credentials.json"
    credentials.write_text('{"token": "sim-oem-token"}')
    await administration(t, credentials)
    await commands(t, tmp_path)
    await limits(t)
    await immobilisations(t)
    await approvals(t)
    await changes(t)
    await the_rest(t)
    assert {operation.cli_command or operation.name for operation in OPERATIONS} - t.used == set()
    assert {name for group in GROUPS.values() for name in group} - t.used - ELSEWHERE == set()


async def administration(t: Terminal, credentials: Path) -> None:
    await t.tell("company list")
    await t.tell("company add ACME")
    await t.tell("company show ACME")
    await t.tell("company set ACME --no-active")
    await t.tell("application add first desk --grants location start")
    await t.tell("application list")
    await t.tell("application show desk")
    await t.tell("application set desk --signing v2")
    await t.tell("application rotate-secret desk --sign")
    await t.tell("plan add small location")
    await t.tell("plan list")
    await t.tell("plan show small")
    await t.tell("plan set small --commands location start")
    await t.tell("account add first simulator spare", str(credentials))
    await t.tell("account list")
    await t.tell("account show spare --company first")
    await t.tell("account set spare --company first --credentials", str(credentials))
    await t.tell("vehicle add first 1M8GDM9AXKP042788 spare small owned --capabilities location")
    await t.tell("vehicle list first --limit 3")
    await t.tell("vehicle show 1M8GDM9AXKP042788")
    await t.tell("vehicle set 1M8GDM9AXKP042788 --no-capabilities")
    await t.tell("policy set first --locate-within 20 --notify-first")
    assert "locate_within 20" in await t.tell("policy show first")
    await t.tell("policy set first --locate-within 0 --no-notify-first")
    await t.tell("switch throw disable --company second --reason", "recall in progress")
    thrown = await t.tell("switch list")
    assert re.search(r"company +second +disable +recall in progress +operator:local +20\d\d-", thrown)
    await t.tell("switch release disable --company second")
    await t.tell("audit checkpoint")
    await t.tell("audit key")
    await t.tell("alerts list")
    await t.tell("alerts test")
    await t.tell("operator list")
    await t.tell("change list")


async def commands(t: Terminal, tmp_path: Path) -> None:
    await t.call(f"send {PARKED} location")
    diagnosed = await t.call(f"send {PARKED} diagnostics")
    assert "left_front_tire_pressure" in diagnosed
    refused = await t.call(f"send {OEM_ERROR} start", code=1)
    assert refused.splitlines()[-1] == "keyturn: Failed to send command to the OEM."
    await t.call(f"send {FLAKY} start")
    await t.call(f"send {MOVING} start", code=1)
    await t.call(f"send {RENTED} unlock_door")
    rows = {row["vin"]: row["id"] for row in t.server.store.rows("SELECT vin, id FROM command WHERE name = 'start'")}
    await t.call("status", rows[FLAKY])
    flaky = await t.tell("status", rows[FLAKY], "--timeline")
    assert re.search(r"attempts +3\s", flaky)
    assert re.search(r"exchange \(request POST .* at 20\d\d-", flaky)
    failed = await t.tell("status", rows[OEM_ERROR], "--timeline", code=1)
    assert re.search(r"attempts +1\s", failed)
    assert re.fullmatch(
        r"keyturn: Failed to send command to the OEM\. Last exchange: POST /vehicles/\S+: 500 .*",
        failed.splitlines()[-1],
    )
    moving = await t.tell("status", rows[MOVING], "--timeline", code=1)
    assert re.search(r"precondition 1 +contradicted: speed 60\.0, [\d.]+ s old", moving)
    not_ready = await t.tell(f"ready {MOVING} start --application app", code=1)
    assert not_ready.splitlines()[-1].startswith("not ready: Precondition not met: The vehicle must not be moving.")
    known = await t.tell(f"ready {RENTED} disable_ignition --application app")
    assert re.search(r"\[last_contact 20\d\d-\d\d-\d\dT", known)
    assert "[reachable yes" in known
    await t.tell("dossier", rows[FLAKY], "--out", str(tmp_path / "dossier"))
    page = next((tmp_path / "dossier").glob("*.html")).read_text()
    assert not re.search(r"\b1[67]\d{14}\b", page)
    await t.tell("backup", str(tmp_path / "backup.db"))
    await t.tell("audit export", str(tmp_path / "export.jsonl"))
    await t.tell("audit verify")


async def limits(t: Terminal) -> None:
    await t.tell("policy set first --disables-per-company-day 1")
    await t.call(f"send {RENTED} disable_ignition --yes")
    refused = await t.call(f"send {HOOD} disable_ignition --yes", code=1)
    assert refused.splitlines()[-1] == "keyturn: Command blocked by policy: limit of disables reached."
    assert re.search(r"first +- +disables_per_company_day +20\d\d-", await t.tell("limit list"))
    await t.tell("limit lift first")
    await t.tell("policy set first --disables-per-company-day 0")


async def immobilisations(t: Terminal) -> None:
    assert RENTED in await t.tell("immobilised")
    await t.tell("immobilised --sheet")
    await t.tell("immobilisation list")
    await t.tell(f"notice add {RENTED} phone --text", "told the driver")
    await t.server.set_vehicle(RENTED, fault="silent")
    await t.tell(f"enable {RENTED} --keep")
    await t.tell(f"keep-enabling start {RENTED}")
    await t.tell("keep-enabling list")
    await t.tell(f"keep-enabling cancel {RENTED}")
    await t.tell(f"immobilisation close {RENTED} --force --reason", "enabled by hand")


async def approvals(t: Terminal) -> None:
    await t.staff.hire("ana")
    await t.tell("policy set first --second-person --reason-required")
    refused = await t.call(f"send {FEW[0]} disable_ignition --yes", code=1)
    assert refused.splitlines()[-1] == "keyturn: Command blocked by policy: reason required."
    waiting = [await asked(t, vin) for vin in FEW]
    listed = await t.tell("approval list --company first")
    assert re.search(rf"{FEW[0]} +disable_ignition +missing; notícia +77/ã", listed)
    await t.tell("approval show", waiting[0])
    await t.tell("approval approve", waiting[0], by="ana")
    await t.tell("approval reject", waiting[1], by="ana")
    await t.tell("command cancel", waiting[2])


async def asked(t: Terminal, vin: str) -> str:
    """The id of a disable that waits for its second person, asked for from a terminal which is then closed."""
    first = t.server.first
    words = ["send", vin, "disable_ignition", "--yes", "--reason", "missing; notícia", "--case", "77/ã"]
    access = {
        "KEYTURN_URL": t.server.url,
        "KEYTURN_CLIENT_ID": first.client_id,
        "KEYTURN_CLIENT_SECRET": first.client_secret,
        "KEYTURN_SIGN_SECRET": first.sign_secret,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "keyturn", *words, env=access, stdout=asyncio.subprocess.PIPE
    )
    query = "SELECT id FROM command WHERE vin = :vin AND state = 'AwaitingApproval'"
    await t.server.eventually(lambda: bool(t.server.store.rows(query.replace(":vin", f"'{vin}'"))))
    process.kill()
    await process.communicate()
    return str(t.server.store.rows(query.replace(":vin", f"'{vin}'"))[0]["id"])


async def changes(t: Terminal) -> None:
    await t.tell("operator add vera vera@example.com viewer --company first --password-stdin", lines=f"{PASSWORD}\n")
    await t.tell("operator enrol-totp --operator vera --password-stdin", lines=f"{PASSWORD}\n\n")
    await t.tell("operator show vera")
    await t.tell("operator set vera --email v@example.com")
    await t.staff.hire("rosa", "admin", company=None)
    await t.tell("operator set-password vera", by="rosa", lines="another long phrase\n")
    await t.tell("operator reset-totp ana", by="rosa")
    change = id_in(await t.tell("policy set first --no-reason-required", by="rosa"))
    await t.tell("change show", change)
    assert "reason_required no" in await t.tell("change show", change)
    await t.tell("change withdraw", change, by="rosa")
    await t.staff.joined_by("saul", "rosa", company=None)
    change = id_in(await t.tell("policy set first --no-second-person", by="rosa"))
    await t.tell("change approve", change, by="saul", code=None)
    await t.tell("change list")


async def the_rest(t: Terminal) -> None:
    """Operations that are not told of above: asked of something that there is not, so that they at least refuse."""
    for operation in OPERATIONS:
        command = operation.cli_command or operation.name
        if command not in t.used:
            fields = msgspec.structs.fields(operation.arguments)
            asked = [field for field in fields if field.required and field.name not in operation.secret]
            words = ["1" if field.type is int else "nothing" for field in asked]
            await t.tell(command, *words, by="rosa", lines="another long phrase\n" * 2, code=None)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        (True, "yes"),
        ([], "-"),
        ({}, "-"),
        (1_796_072_789_000_000, "2026-11-30T21:06:29.000000+00:00"),
        (1_796_072_789, "1796072789"),
        ([True, None, "a"], "yes, -, a"),
        ([{"a": 1}, {"a": None}], "(a 1); (a -)"),
        ({"a": {"b": [False]}, "c": 1.5}, "a (b no), c 1.5"),
    ],
)
async def test_json_in_words(value: object, words: str) -> None:
    assert format_value(value) == words
