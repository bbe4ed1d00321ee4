"""The contract suite on the HTTP connector, in both of its modes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.connectors.contract import RAW_TEXT, ConnectorContract, OemBehaviour, RecordingInbox
from tests.support.clock import RunningClock
from tests.support.oem import DROP, HANG, Ending, Oem, answer

from .definitions import OPERATION, SYNC, connector
from .orders import TOKEN

_TAKEN: dict[str, Any] = {"op": {"id": "op-1", "state": "done", "at": "2024-05-01T10:00:00Z"}}
_RAW = {"message": RAW_TEXT, "token": TOKEN}

ENDINGS: dict[OemBehaviour, Ending] = {
    OemBehaviour.TAKES_IT: answer(202, _TAKEN),
    OemBehaviour.DOES_NOT_TAKE_IT: answer(500, _RAW),
    OemBehaviour.DOES_NOT_TAKE_IT_NOW: answer(503, _RAW, Retry_After="7"),
    OemBehaviour.REFUSES_FOR_MOVING: answer(409, {"code": "MOVING", **_RAW}),
    OemBehaviour.DROPS_THE_CONNECTION: DROP,
    OemBehaviour.NEVER_ANSWERS: HANG,
    OemBehaviour.ANSWERS_HALF: Ending(answer(202, _TAKEN).data[:-10], then="close"),
    OemBehaviour.ANSWERS_TOO_MUCH: answer(202, _TAKEN | {"padding": "x" * 65_536}),
    OemBehaviour.ANSWERS_RUBBISH: answer(200, "<<< ??? >>>"),
    OemBehaviour.REDIRECTS: answer(307, _RAW, Location="/elsewhere"),
    OemBehaviour.FAILS_UNLISTED: answer(502, {"code": "LOCKED_OUT", **_RAW}),
    OemBehaviour.ECHOES_SECRETS: answer(202, f"Bearer {TOKEN} " * 100),
}


class OemHttpRig:
    def __init__(self, oem: Oem, base: dict[str, Any]) -> None:
        self.clock = RunningClock()
        self.oem = oem
        self.connector = connector(oem.url, base, self.clock, timeout=0.25)

    async def behave(self, behaviour: OemBehaviour) -> None:
        if behaviour is OemBehaviour.IS_ABSENT:
            await self.oem.stop()
        else:
            self.oem.answer_with(ENDINGS[behaviour])

    def received(self) -> int:
        return len(self.oem.seen)


@pytest.mark.anyio
async def test_starting_oem_http_does_nothing(oem: Oem) -> None:
    rig, inbox = OemHttpRig(oem, OPERATION), RecordingInbox()
    before = asyncio.all_tasks()
    await rig.connector.start(inbox)
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before
    assert (inbox.operations, inbox.reports, oem.seen) == ([], [], [])
    await rig.connector.close()


class TestOperationMode(ConnectorContract):
    @pytest.fixture
    async def rig(self, oem: Oem) -> AsyncIterator[OemHttpRig]:
        rig = OemHttpRig(oem, OPERATION)
        yield rig
        await rig.connector.close()


class TestSyncMode(ConnectorContract):
    @pytest.fixture
    async def rig(self, oem: Oem) -> AsyncIterator[OemHttpRig]:
        rig = OemHttpRig(oem, SYNC)
        yield rig
        await rig.connector.close()
