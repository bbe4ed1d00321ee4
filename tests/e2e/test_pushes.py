"""A connector of a kind that a package adds, whose gateway is never asked and says everything unasked."""

import asyncio
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from keyturn.config.settings import ConnectorSettings
from keyturn.connectors import registry
from keyturn.connectors.port import Capabilities, Inbox, OutboundCommand
from keyturn.connectors.responses import (
    OemResponse,
    Operation,
    OutcomeKind,
    SignalReading,
    StateReadResult,
    StateReport,
)
from tests.support.server_env import ALL_COMMANDS, server_env

pytestmark = pytest.mark.anyio

VIN = "9KTPUSHED00000001"
NEVER = 3_600.0
SETTINGS = ConnectorSettings(kind="gateway", options={"broker": "here"}, follow_floor=NEVER)


class Gateway:
    """Takes every command and pushes its result, twice, a moment later."""

    def __init__(self, name: str, settings: ConnectorSettings, *_given: Any) -> None:
        self.capabilities = Capabilities(
            offers=frozenset(ALL_COMMANDS), enforces_preconditions=True, reads_state=True, follow_floor=NEVER
        )
        self.happened: list[str] = []
        self.inbox: Inbox | None = None
        self._pushing: list[asyncio.Task[None]] = []
        GATEWAYS.append(self)

    async def start(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.happened.append("started")

    async def send(self, order: OutboundCommand) -> OemResponse:
        self._pushing.append(asyncio.create_task(self._push(order)))
        return OemResponse(OutcomeKind.IN_PROGRESS, operation=Operation(order.command_id))

    async def _push(self, order: OutboundCommand) -> None:
        assert self.inbox is not None
        for _ in range(2):
            await asyncio.sleep(0.3)
            account = order.target.account.id
            await self.inbox.operation_changed(account, Operation(order.command_id), OemResponse(OutcomeKind.SUCCEEDED))
            report = StateReport(
                {"doors_locked": SignalReading(True, order.send_by, order.send_by)}, True, order.send_by
            )
            await self.inbox.state_reported(account, order.target.external_id, report)

    async def get_status(self, *_asked: object) -> OemResponse:
        self.happened.append("asked")
        return OemResponse(OutcomeKind.NOTHING_FOUND)

    find_by_reference = cancel = get_status

    async def read_state(self, *_asked: object) -> StateReadResult:
        return StateReadResult()

    async def close(self) -> None:
        self.happened.append("closed")


GATEWAYS: list[Gateway] = []


async def test_a_command_ends_by_what_is_pushed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("gateway", f"{__name__}:Gateway", registry.GROUP)])
    monkeypatch.setattr(registry, "entry_points", lambda group: points.select(group=group))
    async with server_env(tmp_path, others={"gateway": SETTINGS}) as running:
        account = {"company": "first", "connector": "gateway", "name": "gateway", "credentials": {"user": "u"}}
        await running.node.administer("account add", account)
        await running.vehicle(VIN, account="gateway")

        answer = await running.first.post(VIN, "lock_door")
        record = await running.first.final(str(answer.body["id"]), status="Success", within=10.0)

        assert record["status"] == "Success"
        await running.eventually(lambda: running.store.command(str(record["id"]))["state"] == "Verified")
        assert running.store.timeline(str(record["id"])).count("Executed") == 1
        assert running.store.known(VIN, "doors_locked") is True
    assert GATEWAYS[-1].happened == ["started", "closed"]
