"""The connector of kind ``http``: an OEM's HTTP API that a definition describes."""

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
from keyturn.connectors.oem_http.http.authorized import AuthorizedClient, CallResult, PreparedRequest, TokenCheck
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
        client: HttpClient | None = None,
        transport: Transport = DIRECT,
    ) -> None:
        """`client` is used instead of one that is made with `transport`."""
        if definition.base_url is None:
            raise DefinitionError("base_url: must be given, in the definition or in the configuration")
        self.capabilities = connector_capabilities(definition, quota)
        self._definition = definition
        self._clock = clock
        self._requests = Requests(definition, definition.base_url)
        self._mapping = AnswerMapping(definition, self._requests)
        self._state = StateMapping(definition.state, definition.times) if definition.state else None
        self._client = client or HttpClient(definition, clock, transport)
        self._tokens: TokenSource = (
            OAuthTokens(definition.auth, self._requests, self._client, clock, keeper)
            if definition.auth.scheme == "oauth2"
            else StaticTokens()
        )
        self._authorized = AuthorizedClient(definition.auth, self._tokens, self._client, clock)

    async def start(self, inbox: Inbox) -> None:
        """Does nothing: these OEM clouds are polled and push nothing."""

    async def send(self, command: OutboundCommand) -> OemResponse:
        if command.name not in self.capabilities.offers:
            return OemResponse(OutcomeKind.NOT_TAKEN)
        values = sending_values(self._definition, command)
        try:
            request = self._requests.send(command, values)
        except PlaceholderError as error:
            return OemResponse(
                OutcomeKind.NOT_TAKEN, LoggedRequest(command.name, self._clock.now(), 0.0, answer=str(error))
            )
        send_by = Deadline(self._clock, command.send_by_boottime, command.send_by)
        check: TokenCheck = lambda transfer: self._mapping.token_status(transfer, values, command.name, listed=True)  # noqa: E731
        prepared = PreparedRequest(command.target.account, request, send_by, check, urgent=command.name in RESTORING)
        result = await self._authorized.command(prepared)
        answer = _with_log(self._mapping.command_response(command.name, result.transfer, values), result)
        return _with_note(
            answer, self._mapping.unused_url_reason(result.transfer, values) if _is_followed(answer) else ""
        )

    async def get_status(self, target: Target, name: str, operation: Operation) -> OemResponse:
        values = status_values(self._definition, target, name, operation)
        request = self._requests.status(operation, values)
        to_response = lambda transfer: self._mapping.status_response(name, transfer, operation, values)  # noqa: E731
        return await self._query_response(target, request, values, to_response, name)

    async def find_by_reference(self, target: Target, name: str, command_id: str) -> OemResponse:
        values = look_up_values(self._definition, target, name, command_id)
        to_response = lambda transfer: self._mapping.lookup_response(name, transfer, command_id, values)  # noqa: E731
        return await self._query_response(target, self._requests.lookup(values), values, to_response, name)

    async def cancel(self, target: Target, operation: Operation) -> OemResponse:
        values = cancel_values(target, operation)
        to_response = lambda transfer: self._mapping.cancel_response(transfer, values)  # noqa: E731
        return await self._query_response(target, self._requests.cancel(operation, values), values, to_response)

    async def read_report(self, target: Target) -> StateReport | None:
        """The report of `read_state` alone; None where there is none."""
        return (await self.read_state(target)).report

    async def read_state(self, target: Target) -> StateReadResult:
        values = vehicle_values(target)
        request = self._requests.state(values)
        if request is None or self._state is None:
            return StateReadResult()
        transfer, record, _ = await self._query(target, request, values, self._state.timeout)
        report = self._state.report(decode_json(transfer.body), values) if transfer.status == HTTPStatus.OK else None
        return StateReadResult(report, record if report else with_problem(record, transfer))

    async def close(self) -> None:
        await self._tokens.close()
        await self._client.close()

    async def _query_response(
        self,
        target: Target,
        request: Request | None,
        values: Values,
        to_response: Callable[[Transfer], OemResponse],
        name: str | None = None,
    ) -> OemResponse:
        """Send a query about a command and map its response; without a request: NOTHING_FOUND."""
        if request is None:
            return OemResponse(OutcomeKind.NOTHING_FOUND)
        result = await self._query(target, request, values, self._definition.timeout, name)
        return _with_log(to_response(result.transfer), result)

    async def _query(
        self, target: Target, request: Request, values: Values, seconds: float, name: str | None = None
    ) -> CallResult:
        check: TokenCheck = lambda transfer: self._mapping.token_status(transfer, values, name)  # noqa: E731
        return await self._authorized.query(PreparedRequest(target.account, request, self._within(seconds), check))

    def _within(self, seconds: float) -> Deadline:
        return Deadline(self._clock, self._clock.boottime() + seconds)


def _with_log(answer: OemResponse, result: CallResult) -> OemResponse:
    transfer, record, earlier = result
    if answer.kind is OutcomeKind.NOTHING_FOUND:
        record = with_problem(record, transfer)
    return msgspec.structs.replace(answer, exchange=record, earlier=earlier, retry_after=transfer.retry_after)


def _is_followed(answer: OemResponse) -> bool:
    return answer.kind in (OutcomeKind.IN_PROGRESS, OutcomeKind.NO_OPERATION)


def _with_note(answer: OemResponse, note: str) -> OemResponse:
    """`note` in the log of the request."""
    if not note or answer.exchange is None:
        return answer
    return msgspec.structs.replace(answer, exchange=msgspec.structs.replace(answer.exchange, note=note))
