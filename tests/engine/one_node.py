"""A node in virtual time: command service, engine and store as a server has them, and a scripted OEM."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from verification.simulation.world.clock import VirtualClock
from verification.simulation.world.loop import VirtualLoop

from keyturn.bus.memory import MemoryBus
from keyturn.bus.topics import COMMAND_CHANGED, CommandId
from keyturn.commands.admission.requests import CommandRequest, PostAnswer
from keyturn.commands.model import record
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.config.settings import CommandSettings, EngineSettings, Settings
from keyturn.connectors.port import Capabilities, Inbox, OutboundCommand, Target
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind, StateReadResult
from keyturn.engine.assembly import Dependencies, Runtime, assemble
from keyturn.store.port import ReadTx, Tx
from keyturn.store.sqlite.store import open_sqlite
from keyturn.timekeeping import Timekeeper
from tests.store.adapters import AtOnce
from tests.support.enrolment import KEYRING, VIN, Names, administer

BEHIND = Capabilities(offers=frozenset(COMMANDS), enforces_preconditions=True, blocks_next_start_only=True)
DONE = OemResponse(OutcomeKind.SUCCEEDED)
UNDER_WAY = OemResponse(OutcomeKind.IN_PROGRESS, operation=Operation(id="op-1"))
LATER = OemResponse(OutcomeKind.NOT_TAKEN, temporary=True, retry_after=8.0)
UNCLEAR = OemResponse(OutcomeKind.UNCLEAR)


class Oem:
    """Answers each sending with the next of `answers`, else that it is done. While `go` is not set, nothing answers."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.sent: list[OutboundCommand] = []
        self.reads = 0
        self.answers: list[OemResponse] = []
        self.status = OemResponse(OutcomeKind.IN_PROGRESS, operation=Operation(id="op-1"))
        self.go = asyncio.Event()
        self.go.set()

    async def start(self, _inbox: Inbox) -> None: ...

    async def close(self) -> None: ...

    async def send(self, order: OutboundCommand) -> OemResponse:
        self.sent.append(order)
        answer = self.answers.pop(0) if self.answers else DONE
        await self.go.wait()
        return answer

    async def get_status(self, _target: Target, _name: str, _operation: Operation) -> OemResponse:
        return self.status

    async def find_by_reference(self, _target: Target, _name: str, _command_id: str) -> OemResponse:
        return OemResponse(OutcomeKind.NOTHING_FOUND)

    async def cancel(self, _target: Target, _operation: Operation) -> OemResponse:
        return OemResponse(OutcomeKind.NOTHING_FOUND)

    async def read_state(self, _target: Target) -> StateReadResult:
        self.reads += 1
        await self.go.wait()
        return StateReadResult()


class OneNode:
    """`declared` are the OEM's capabilities. Everything of it runs within `run`."""

    def __init__(self, data: Path, names: Names, disk: Executor | None = None, **declared: Any) -> None:
        self.names = names
        self.loop = VirtualLoop(None)
        self.clock = VirtualClock(self.loop.time)
        self.bus = MemoryBus()
        self.oem = Oem(msgspec.structs.replace(BEHIND, **declared))
        self.told: dict[str, list[Command]] = {}
        """The rows of each command as they were announced, in order."""
        self.time = Timekeeper(self.clock, step=2.0, boot="this boot")
        self.store = open_sqlite(data, self.time, self.bus.publish, disk=disk or AtOnce())
        self.bus.listen_for_rows(COMMAND_CHANGED, self._note)
        commands = CommandSettings(initiate_wait=0.0)
        settings = Settings(commands=commands, engine=EngineSettings(breaker_vehicles=1, breaker_pause=5.0))
        parts = Dependencies(self.store, self.bus, self.time, KEYRING, {"oem": self.oem}, self.store.epoch)
        self.runtime: Runtime = assemble(parts, settings)

    def run(self, work: Callable[[], Coroutine[Any, Any, None]], *, start: bool = True) -> None:
        """Run `work` on the node, which is started before, and end it."""

        async def within() -> None:
            if start:
                await self.runtime.start()
            try:
                await work()
            finally:
                await self.runtime.stop(0.0)
                await self.store.close()

        try:
            self.loop.run_until_complete(within())
        finally:
            self.loop.close()
        assert not self.loop.defects

    async def submit(self, command: str) -> PostAnswer:
        """Of an application whose token has every grant."""
        names = self.names
        return await self.runtime.service.submit(
            CommandRequest(names.company, names.application, frozenset(COMMANDS), VIN, command, None)
        )

    async def post(self, command: str) -> str:
        """The id of a command that is registered."""
        return str((await self.submit(command)).body["id"])

    async def administer(self, operation: str, **arguments: Any) -> None:
        await self.store.write(lambda tx: administer(tx, operation, **arguments))

    async def change(self, sql: str, **values: object) -> None:
        await self.store.write(lambda tx: tx.run(sql, **values))

    async def row(self, command_id: str) -> Command:
        found = await self.store.read(partial(record.load, command_id=command_id))
        assert found is not None
        return found

    async def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        def view(tx: ReadTx) -> list[tuple[Any, ...]]:
            return tx.all(sql, **values)

        return await self.store.read(view)

    def first(self, command_id: str) -> State:
        """The state in which it was registered."""
        return self.told[command_id][0].state

    def _note(self, command_id: CommandId, command: Command | None) -> None:
        assert command is not None
        self.told.setdefault(command_id, []).append(command)


MakeNode = Callable[..., OneNode]
"""Makes a node on this disk, behind an OEM with these capabilities."""


def failing(tx: Tx) -> None:
    """A unit that writes and raises: the batch is run anew."""
    tx.run("UPDATE company SET name = name || 'x'")
    raise ValueError("undone")
