"""A cloud that writes local times as if they were UTC: what it says is as old as the definition makes it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from keyturn.clock import SECOND, after
from tests.hostile.hostile_oem import Caller, HostileOem, Seen, answer
from tests.support.server_env import ServerEnv, server_env

from ..connectors.configured import http_settings

pytestmark = pytest.mark.anyio

VIN = "LOCALTIME00000001"
DEFINITION = """
mode = "sync"
[declares]
blocks_next_start_only = true
[send]
path = "/commands/{command.name}"
[commands.disable_ignition]
[times]
zone = "%s"
pattern = "%%Y-%%m-%%dT%%H:%%M:%%SZ"
[state]
path = "/state"
last_contact = "ts"
value = "{name}"
as_of = "ts"
observed_at = "since"
[state.signals]
speed = {}
system_power_mode = {}
transmission_gear = {}
"""


async def immobilising(folder: Path, zone: str) -> tuple[Any, dict[str, Any], list[Seen]]:
    """The second step's answer, what `ready` says after it, and the commands that reached the OEM."""
    async with HostileOem() as oem:
        path = folder / "local.toml"
        path.write_text(DEFINITION % zone)
        others = {"local": http_settings(definition=str(path), base_url=oem.url)}
        async with server_env(folder, others=others) as s:
            oem.behave("/commands/", _say(s, lambda _server: {}))
            oem.behave("/state", _say(s, _at_rest))
            account = {"company": "first", "connector": "local", "name": "local", "credentials": {"token": "t"}}
            await s.node.administer("account add", account)
            await s.vehicle(VIN, account="local")
            code = (await s.first.post(VIN, "disable_ignition")).body["code"]
            posted = await s.first.post(VIN, "disable_ignition", code)
            ready = await s.node.administer("vehicle ready", {"vin": VIN, "command": "disable_ignition"})
            return posted, ready, oem.about("/commands/")


def _at_rest(s: ServerEnv) -> dict[str, object]:
    """Parked and off for ten minutes, five seconds ahead of our clock."""
    ts, since = (_text(after(s.clock.now(), seconds)) for seconds in (5, -595))
    return {"ts": ts, "since": since, "speed": 0, "system_power_mode": "off", "transmission_gear": "park"}


def _text(instant: int) -> str:
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _say(s: ServerEnv, document: Any) -> Any:
    async def say(_seen: Seen, caller: Caller) -> bool:
        await caller.say(answer(200, document(s)))
        return True

    return say


async def test_by_utc_the_vehicle_is_at_rest_and_immobilised(tmp_path: Path) -> None:
    posted, _, commands = await immobilising(tmp_path, "UTC")
    assert (posted.code, len(commands)) == (200, 1)


@pytest.mark.parametrize(("zone", "why"), [("+02:00", "too old"), ("-02:00", " s in the future")])
async def test_by_its_zone_it_was_not_seen_now_and_nothing_is_sent(tmp_path: Path, zone: str, why: str) -> None:
    posted, ready, commands = await immobilising(tmp_path, zone)
    assert (posted.code, commands) == (409, [])
    record = {finding["number"]: finding for finding in ready["preconditions"]}
    assert record[3]["verdict"] == "unknown"
    assert record[3]["signals"]["speed"]["why"].endswith(why)
