"""The connector of an OEM's cloud that a definition describes."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec

from keyturn.clock import Clock
from keyturn.connectors.oem_http.answers.answer import decode_json
from keyturn.connectors.oem_http.answers.mapping import AnswerMapping
from keyturn.connectors.oem_http.answers.state import StateMapping
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.derived import connector_capabilities
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.oem_http.definition.queries import PlaceholderError, Values
from keyturn.connectors.oem_http.definition.sections import RESTORING
from keyturn.connectors.oem_http.definition.values import (
    cancel_values,
    look_up_values,
    sending_values,
    status_values,
    vehicle_values,
)
from keyturn.connectors.oem_http.http.authorized import AuthorizedClient, AuthorizedRequest, CallResult, TokenCheck
from keyturn.connectors.oem_http.http.client import HttpClient, Transfer
from keyturn.connectors.oem_http.http.requests import Request, Requests
from keyturn.connectors.oem_http.http.transport import DIRECT, Transport
from keyturn.connectors.oem_http.http.wire_log import with_problem
from keyturn.connectors.oem_http.tokens.tokens import OAuthTokens, StaticTokens, TokenSource
from keyturn.connectors.port import CredentialKeeper, Inbox, OutboundCommand, Quota, Target
from keyturn.connectors.responses import (
    LoggedRequest,
    OemResponse,
    Operation,
    OutcomeKind,
    StateReadResult,
    StateReport,
)
from keyturn.connectors.toolkit import Deadline


class HttpConnector:
    """Implements the connector port. Raises `DefinitionError` when the definition cannot be used."""

    def __init__(
        self,
        definition: Definition,
        clock: Clock,
        quota: Quota | None = None,
        keeper: CredentialKeeper | None = None,
        wire: HttpClient | None = None,
        transport: Transport = DIRECT,
    ) -> None:
        """`wire`: another way to the sockets than its own, by `transport`."""
        if definition.base_url is None:
            raise DefinitionError("base_url: must be given, in the definition or in the configuration")
        self.capabilities = connector_capabilities(definition, quota)
        self._definition = definition
        self._clock = clock
        self._requests = Requests(definition, definition.base_url)
        self._mapping = AnswerMapping(definition, self._requests)
        self._state = StateMapping(definition.state, definition.times) if definition.state else None
        self._wire = wire or HttpClient(definition, clock, transport)
        self._tokens: TokenSource = (
            OAuthTokens(definition.auth, self._requests, self._wire, clock, keeper)
            if definition.auth.scheme == "oauth2"
            else StaticTokens()
        )
        self._calls = AuthorizedClient(definition.auth, self._tokens, self._wire, clock)

    async def start(self, inbox: Inbox) -> None:
        """Does nothing: an OEM's cloud is asked and says nothing of its own accord."""

    async def send(self, order: OutboundCommand) -> OemResponse:
        if order.name not in self.capabilities.offers:
            return OemResponse(OutcomeKind.NOT_TAKEN)
        values = sending_values(self._definition, order)
        try:
            request = self._requests.send(order, values)
        except PlaceholderError as error:
            return OemResponse(
                OutcomeKind.NOT_TAKEN, LoggedRequest(order.name, self._clock.now(), 0.0, answer=str(error))
            )
        send_by = Deadline(self._clock, order.send_by_boottime, order.send_by)
        judge: TokenCheck = lambda transfer: self._mapping.token_is(transfer, values, order.name, listed=True)  # noqa: E731
        asked = AuthorizedRequest(order.target.account, request, send_by, judge, urgent=order.name in RESTORING)
        called = await self._calls.command(asked)
        answer = _recorded(self._mapping.sent(order.name, called.transfer, values), called)
        return _noted(answer, self._mapping.unused(called.transfer, values) if _asks_on(answer) else "")

    async def get_status(self, target: Target, name: str, operation: Operation) -> OemResponse:
        values = status_values(self._definition, target, name, operation)
        request = self._requests.status(operation, values)
        judge = lambda transfer: self._mapping.asked(name, transfer, operation, values)  # noqa: E731
        return await self._judged(target, request, values, judge, name)

    async def find_by_reference(self, target: Target, name: str, command_id: str) -> OemResponse:
        values = look_up_values(self._definition, target, name, command_id)
        judge = lambda transfer: self._mapping.found(name, transfer, command_id, values)  # noqa: E731
        return await self._judged(target, self._requests.lookup(values), values, judge, name)

    async def cancel(self, target: Target, operation: Operation) -> OemResponse:
        values = cancel_values(target, operation)
        judge = lambda transfer: self._mapping.cancelled(transfer, values)  # noqa: E731
        return await self._judged(target, self._requests.cancel(operation, values), values, judge)

    async def read_report(self, target: Target) -> StateReport | None:
        """As `observe`, without what was wrong."""
        return (await self.read_state(target)).report

    async def read_state(self, target: Target) -> StateReadResult:
        values = vehicle_values(target)
        request = self._requests.state(values)
        if request is None or self._state is None:
            return StateReadResult()
        transfer, record, _ = await self._asked(target, request, values, self._state.timeout)
        report = self._state.report(decode_json(transfer.body), values) if transfer.status == HTTPStatus.OK else None
        return StateReadResult(report, record if report else with_problem(record, transfer))

    async def close(self) -> None:
        await self._tokens.close()
        await self._wire.close()

    async def _judged(
        self,
        target: Target,
        request: Request | None,
        values: Values,
        judge: Callable[[Transfer], OemResponse],
        name: str | None = None,
    ) -> OemResponse:
        """A question about a command and what its answer means; without a request nothing is found."""
        if request is None:
            return OemResponse(OutcomeKind.NOTHING_FOUND)
        called = await self._asked(target, request, values, self._definition.timeout, name)
        return _recorded(judge(called.transfer), called)

    async def _asked(
        self, target: Target, request: Request, values: Values, seconds: float, name: str | None = None
    ) -> CallResult:
        judge: TokenCheck = lambda transfer: self._mapping.token_is(transfer, values, name)  # noqa: E731
        return await self._calls.question(AuthorizedRequest(target.account, request, self._within(seconds), judge))

    def _within(self, seconds: float) -> Deadline:
        return Deadline(self._clock, self._clock.boottime() + seconds)


def _recorded(answer: OemResponse, called: CallResult) -> OemResponse:
    transfer, record, earlier = called
    if answer.kind is OutcomeKind.NOTHING_FOUND:
        record = with_problem(record, transfer)
    return msgspec.structs.replace(answer, exchange=record, earlier=earlier, retry_after=transfer.retry_after)


def _asks_on(answer: OemResponse) -> bool:
    return answer.kind in (OutcomeKind.IN_PROGRESS, OutcomeKind.NO_OPERATION)


def _noted(answer: OemResponse, note: str) -> OemResponse:
    """`note` in the record of the exchange."""
    if not note or answer.exchange is None:
        return answer
    return msgspec.structs.replace(answer, exchange=msgspec.structs.replace(answer.exchange, note=note))
