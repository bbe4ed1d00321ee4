"""Checks a definition without commanding a vehicle: on a response from a file, or by a live state read."""

from typing import Any, Literal

import msgspec
from aiohttp import web
from yarl import URL

from keyturn.clock import SystemClock, after
from keyturn.connectors.oem_http.connector import HttpConnector
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.oem_http.http.client import HttpClient, Transfer
from keyturn.connectors.oem_http.http.requests import Request
from keyturn.connectors.oem_http.http.write_once import WriteOnceGuard
from keyturn.connectors.port import Account, OutboundCommand, Target
from keyturn.connectors.responses import OemResponse, Operation, StateReport

AnswerKind = Literal["send", "status", "state", "token"]

_WITHIN = 10.0
"""Seconds for one check."""
_NOWHERE = URL("http://oem.invalid")
_ELSEWHERE = ("client_certificate", "client_key", "ca_file", "proxy")
"""Keys without a meaning for a connection to this machine."""
_ID = "0198c0de-0000-7000-8000-000000000000"


class Sample(msgspec.Struct, frozen=True):
    """A response of the OEM, from a file."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = {}


class SampleQuestion(msgspec.Struct, frozen=True):
    """What the sample is the response to."""

    kind: AnswerKind
    command: str
    operation: str = "sample"
    """The OEM's id of the operation."""
    vehicle: str = "SAMPLE"


class SampleResult(msgspec.Struct, frozen=True):
    """What the connector makes of the sample: a response, a report, or whether its token was used."""

    answer: OemResponse | None = None
    report: StateReport | None = None
    token_used: bool = False


class ReadOnlyClient(HttpClient):
    """Keeps its queries and their responses; never writes a command."""

    def __init__(self, definition: Definition, clock: SystemClock) -> None:
        super().__init__(definition, clock)
        self.transfers: list[Transfer] = []

    async def query(self, request: Request, within: float) -> Transfer:
        transfer = await super().query(request, within)
        self.transfers.append(transfer)
        return transfer

    async def command(self, request: Request, guard: WriteOnceGuard) -> Transfer:
        raise RuntimeError("a check of a definition sends no command")


class _SampleServer:
    """A server on this machine that answers every request with the sample."""

    def __init__(self, sample: Sample, *, token: bool) -> None:
        self._sample = sample
        self._token = token
        self.authorised = False
        """Whether a request came after the sample, with the token found in it."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> "_SampleServer":
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> URL:
        host, port = self._runner.addresses[0][:2]
        return URL.build(scheme="http", host=host, port=port)

    async def _answer(self, request: web.Request) -> web.Response:
        if self._token and not request.path.endswith("/token"):
            self.authorised = True
            return web.Response(status=500)
        sample = self._sample
        headers = {"Content-Type": "application/json", **sample.headers}
        return web.Response(status=sample.status, body=sample.body, headers=headers)


async def check_sample(
    definition: Definition, question: SampleQuestion, sample: Sample, keys: frozenset[str]
) -> SampleResult:
    """What the connector makes of the sample, by the code that a server runs. `keys` are names of credentials.

    Raises `DefinitionError` where the definition has no such request.
    """
    is_token = question.kind == "token"
    if is_token and definition.auth.scheme != "oauth2":
        raise DefinitionError("auth.scheme: no token is asked for with bearer")
    if question.kind == "state" and definition.state is None:
        raise DefinitionError("state: there is no such table")
    async with _SampleServer(sample, token=is_token) as server:
        connector = HttpConnector(_on_this_machine(definition, server.url, is_token=is_token), SystemClock())
        try:
            outcome = await _ask(connector, question, _target(question, keys | {"token"}), server.url)
        finally:
            await connector.close()
        return msgspec.structs.replace(outcome, token_used=server.authorised)


async def read_live(
    definition: Definition, credentials: dict[str, str], vehicle: str
) -> tuple[StateReport | None, list[Transfer]]:
    """One live state read of the vehicle, with the requests made for it. No command is sent.

    Raises `DefinitionError`.
    """
    if definition.state is None:
        raise DefinitionError("state: there is no such table, so nothing can be read")
    clock = SystemClock()
    client = ReadOnlyClient(definition, clock)
    connector = HttpConnector(definition, clock, client=client)
    try:
        report = await connector.read_report(Target(Account("check", credentials), vehicle, vehicle))
    finally:
        await connector.close()
    return report, client.transfers


async def _ask(connector: HttpConnector, question: SampleQuestion, target: Target, url: URL) -> SampleResult:
    match question.kind:
        case "state":
            return SampleResult(report=await connector.read_report(target))
        case "status":
            operation = Operation(question.operation, str(url / "operation"))
            return SampleResult(await connector.get_status(target, question.command, operation))
        case _:
            return SampleResult(await connector.send(_order(question, target)))


def _order(question: SampleQuestion, target: Target) -> OutboundCommand:
    clock = SystemClock()
    until = after(clock.now(), _WITHIN)
    return OutboundCommand(_ID, question.command, target, until, clock.boottime() + _WITHIN, until)


def _target(question: SampleQuestion, keys: frozenset[str]) -> Target:
    return Target(Account("check", dict.fromkeys(keys, "sample")), question.vehicle, question.vehicle)


def _on_this_machine(definition: Definition, url: URL, *, is_token: bool) -> Definition:
    """The definition with this machine as its OEM; URLs of the real OEM stay usable."""
    own = definition.base_url or _NOWHERE
    changes: dict[str, Any] = {name: None for name in _ELSEWHERE if name in definition.__struct_fields__}
    auth = definition.auth
    if is_token and auth.token_url is not None:
        auth = msgspec.structs.replace(auth, token_url=type(auth.token_url)("/token"))
    elif not is_token and auth.scheme == "oauth2":
        auth = msgspec.structs.replace(auth, scheme="bearer", token_url=None)
    return msgspec.structs.replace(
        definition,
        base_url=url.with_path(own.path),
        trusted_origins=(*definition.trusted_origins, own.origin()),
        auth=auth,
        **changes,
    )
