"""The example definitions, each run against an OEM that behaves as described."""

from importlib import resources
from pathlib import Path

import pytest

from keyturn.clock import SECOND
from keyturn.connectors.port import Connector
from keyturn.connectors.registry import build_connectors
from keyturn.connectors.responses import Operation, OutcomeKind, SignalReading
from tests.support.certificates import Authority
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, ReceivedRequest, answer

from .configured import http_settings
from .orders import account, order, target

pytestmark = pytest.mark.anyio

TEN_O_CLOCK = 1_714_557_600_000_000
"""2024-05-01T10:00:00Z, 07:00 at UTC-3."""


def built(name: str, url: str) -> Connector:
    return build_connectors({"acme": http_settings(name, base_url=url)}, RunningClock())["acme"]


async def test_the_sync_example_sends_and_reads_the_result(oem: Oem) -> None:
    connector = built("example-sync", oem.url)
    at = target(account(token="key", fleet_id="f1"))
    oem.answer_with(
        answer(200, {"outcome": "DONE", "executedAt": "01/05/2024 07:00:00"}),
        answer(200, {"outcome": "ALREADY_SET"}),
        answer(200, {"outcome": "REJECTED", "reason": "DOOR_OPEN"}),
        answer(409, {"reason": "ENGINE_RUNNING"}),
        answer(409, {"reason": "BUSY"}),
        answer(200, {"outcome": "DONE", "values": {"odometer": 1000, "seat_belt_status": "ON"}}),
    )
    sent = order(RunningClock(), "lock_door", at=at)
    done = await connector.send(sent)
    assert (done.kind, done.completed_at) == (OutcomeKind.SUCCEEDED, TEN_O_CLOCK)
    seen = oem.seen[0]
    assert (seen.method, seen.target) == ("PUT", "/fleets/f1/cars/car%201%2Fa/actions/LOCK")
    assert (seen.headers["x-api-key"], seen.headers["x-correlation-id"]) == ("key", sent.command_id)
    assert seen.json == {"action": {"name": "LOCK", "validUntil": sent.expires_at * 1000 // SECOND}}
    rest = [await connector.send(order(RunningClock(), "lock_door", at=at)) for _ in range(4)]
    assert [each.kind for each in rest] == [
        OutcomeKind.SUCCEEDED,
        OutcomeKind.FAILED,
        OutcomeKind.REFUSED,
        OutcomeKind.NOT_TAKEN,
    ]
    already, refused, running, busy = rest
    assert (already.already_done, refused.detail, running.preconditions) == (True, "A door is open.", (3,))
    assert busy.temporary
    health = await connector.send(order(RunningClock(), "diagnostics", at=at))
    assert health.data == {"odometer": pytest.approx(1609.344), "seat_belt_status": "buckled"}
    assert (oem.seen[-1].method, oem.seen[-1].target) == ("GET", "/fleets/f1/cars/car%201%2Fa/health")
    await connector.close()


async def test_the_sync_example_reads_state(oem: Oem) -> None:
    connector = built("example-sync", oem.url)
    values = {
        "speed": 100,
        "system_power_mode": "ACC",
        "gear": "P",
        "doors_locked": "LOCKED",
        "lv_battery_voltage": "12.60",
    }
    state = {
        "link": "UP",
        "reportedAt": "01/05/2024 07:00:00",
        "changedAt": {"speed": "01/05/2024 06:59:59"},
        "stale": ["doors_locked"],
        "values": values,
    }
    oem.answer_with(answer(200, state))
    report = (await connector.read_state(target(account(token="key", fleet_id="f1")))).report
    await connector.close()
    assert report is not None
    assert (report.reachable, report.last_contact) == (True, TEN_O_CLOCK)
    speed = report.readings["speed"].value
    assert speed == pytest.approx(160.9344)
    assert report.readings == {
        "speed": SignalReading(speed, TEN_O_CLOCK - SECOND, TEN_O_CLOCK),
        "system_power_mode": SignalReading("on", None, TEN_O_CLOCK),
        "transmission_gear": SignalReading("park", None, TEN_O_CLOCK),
        "doors_locked": SignalReading(None, None, TEN_O_CLOCK, "the source flags it as not valid"),
        "lv_battery_voltage": SignalReading(12.6, None, TEN_O_CLOCK),
    }


class OAuthCloud:
    """An OEM as the OAuth example describes it, its login on the same server."""

    def __init__(self) -> None:
        self.ours = ""
        self.status: dict[str, object] = {"status": "RUNNING"}

    def script(self, seen: ReceivedRequest) -> Ending:
        if seen.target == "/oauth2/token":
            return answer(200, {"access_token": "issued", "expires_in": 300})
        if seen.method == "POST":
            self.ours = str(seen.json["reference"])
            return answer(202, {"requestId": "r1", **self.status})
        if seen.method == "DELETE":
            return answer(204, "")
        if "reference=" in seen.target:
            return answer(200, {"items": [{"requestId": "r1", "reference": self.ours, **self.status}]})
        return answer(200, self.status)


async def test_the_oauth_example_follows_a_request_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, cloud, clock = Authority(tmp_path), OAuthCloud(), RunningClock()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    async with Oem(authority.server_context()) as oem:
        oem.script = cloud.script
        path = tmp_path / "oauth.toml"
        path.write_text(_example("example-oauth").replace("https://login.oem.example", oem.url))
        connector = built(str(path), oem.url)
        at, request = target(account(client_id="id", client_secret="secret")), Operation(id="r1")
        sent = order(clock, "start", at=at)
        taken = await connector.send(sent)
        running = await connector.get_status(at, "start", request)
        cloud.status = {"status": "COMPLETED", "finishedAt": TEN_O_CLOCK // 1000}
        done, found = (
            await connector.get_status(at, "start", request),
            await connector.find_by_reference(at, "start", sent.command_id),
        )
        other = await connector.find_by_reference(at, "start", "another-id")
        withdrawn = await connector.cancel(at, request)
        await connector.close()
    assert (taken.kind, taken.operation, running.kind) == (
        OutcomeKind.IN_PROGRESS,
        request,
        OutcomeKind.IN_PROGRESS,
    )
    assert (done.kind, done.completed_at) == (OutcomeKind.SUCCEEDED, TEN_O_CLOCK)
    assert (found.kind, other.kind) == (OutcomeKind.SUCCEEDED, OutcomeKind.NOTHING_FOUND)
    assert (withdrawn.kind, withdrawn.cancelled) == (OutcomeKind.FAILED, True)
    assert oem.seen[1].headers["idempotency-key"] == sent.command_id
    assert {seen.headers["authorization"] for seen in oem.seen[1:]} == {"Bearer issued"}


def _example(name: str) -> str:
    return (resources.files("keyturn.connectors") / "definitions" / f"{name}.toml").read_text("utf-8")
