"""Application service of the HTTP API: submits commands, waits for the OEM's first response, reads records."""

from functools import partial

from keyturn.auth.principal import Principal
from keyturn.bus.port import Bus
from keyturn.bus.topics import COMMAND_CHANGED, CONFIRMATION_ISSUED, CommandId, VehicleId
from keyturn.clock import Clock, seconds_between
from keyturn.commands.admission import nonces, refused_attempts
from keyturn.commands.admission.intake import Admission
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.admission.requests import CommandRequest, PostAnswer, is_final, post_answer, record_body
from keyturn.commands.model import lifecycle, record
from keyturn.commands.model.record import Command, PublicView
from keyturn.errors import Refusal
from keyturn.store.port import Store, Tx

_LOOK_UP = 0.5
"""Seconds after which a held answer reads the row again, and whether the node stops, without a wake-up."""


class CommandService:
    """Serves `POST /vehicle-command` and `GET /vehicle-command/{id}`."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, admission: Admission) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._admission = admission
        self._draining = False

    def drain(self) -> None:
        """Hold no more answers of `get`: the node is about to stop."""
        self._draining = True

    async def submit(self, request: CommandRequest) -> PostAnswer:
        """Register, coalesce, confirm or refuse; a registered command's answer is held for the OEM's first response.

        Raises the `Refusal` of the first check that fails.
        """
        result = await self._store.write(partial(self._admission.submit, request=request))
        if result.refusal is not None:
            raise result.refusal
        if result.confirming_vehicle is not None:
            self._bus.publish(CONFIRMATION_ISSUED, VehicleId(result.confirming_vehicle))
        if result.waiting is not None:
            return post_answer(await self._first_response(result.waiting))
        assert result.answer is not None, "one of the three is set"
        return result.answer

    async def get(self, company_id: str, command_id: str, wait: float = 0.0) -> dict[str, object] | None:
        """The public record, held until its status is final, for up to `wait` seconds. None: not this company's."""
        if wait <= 0:
            command = await self._load(company_id, command_id)
        else:
            command = await self._final(company_id, command_id, wait)
        return None if command is None else record_body(command)

    async def is_consumed(self, nonce: Nonce) -> bool:
        """Whether a signature with this nonce is sure to be refused: seen before, too old or too new."""
        return await self._store.read(partial(nonces.is_consumed, nonce=nonce))

    async def record_refusal(self, principal: Principal, vin: str, command: str, refusal: Refusal) -> None:
        """Record an ignition attempt that was refused before its admission."""
        company_id, actor = principal.company_id, principal.application_id
        await self._store.write(
            lambda tx: refused_attempts.record_attempt(tx, company_id, actor, vin, command, refusal)
        )

    async def _first_response(self, command: Command) -> Command:
        """The record once its POST has an answer; at the end of the wait it is answered here.

        The wait ends by the store's clock or by the monotonic one, whichever is first: a wall clock that is set back
        holds no POST longer. `command` is as it was registered, and so are its words on the bus: a lost one costs the
        wait.
        """
        until: float | None = None
        with self._bus.waiter(COMMAND_CHANGED, CommandId(command.id)) as waiter:
            while command.post_code is None:
                left = seconds_between(self._clock.now(), command.post_until or 0)
                if until is None:
                    until = self._clock.monotonic() + left
                left = min(left, until - self._clock.monotonic())
                if left <= 0:
                    return await self._store.write(partial(end_of_wait, command_id=command.id)) or command
                if await waiter.next(left):
                    command = (
                        waiter.row or await self._store.read(partial(record.load, command_id=command.id)) or command
                    )
        return command

    async def _final(self, company_id: str, command_id: str, wait: float) -> PublicView | None:
        until = self._clock.monotonic() + wait
        with self._bus.waiter(COMMAND_CHANGED, CommandId(command_id)) as waiter:
            while True:
                command = await self._load(company_id, command_id)
                left = until - self._clock.monotonic()
                if command is None or is_final(command) or left <= 0 or self._draining:
                    return command
                await waiter.next(min(left, _LOOK_UP))

    async def _load(self, company_id: str, command_id: str) -> PublicView | None:
        return await self._store.read(partial(record.load_public_view, company_id=company_id, command_id=command_id))


def end_of_wait(tx: Tx, command_id: str) -> Command | None:
    """Answer the POST `Pending`; a command that the OEM could not take so far is tried again."""
    command = record.load_to_change(tx, command_id)
    if command is None or command.post_code is not None:
        return command
    return lifecycle.record_response(tx, command, 200)
