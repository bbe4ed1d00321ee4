"""Trying a definition without commanding a vehicle: on an answer from a file, or on a far side that is only read."""

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
"""Seconds for one try."""
_NOWHERE = URL("http://oem.invalid")
_ELSEWHERE = ("client_certificate", "client_key", "ca_file", "proxy")
"""Keys that are of no use on the way to this machine."""
_ID = "0198c0de-0000-7000-8000-000000000000"


class Sample(msgspec.Struct, frozen=True):
    """An answer of the OEM, from a file."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = {}


class SampleQuestion(msgspec.Struct, frozen=True):
    """What the sample answers."""

    kind: AnswerKind
    command: str
    operation: str = "sample"
    """The OEM's id of the operation."""
    vehicle: str = "SAMPLE"


class SampleResult(msgspec.Struct, frozen=True):
    """What the connector made of it: one of them."""

    answer: OemResponse | None = None
    report: StateReport | None = None
    token_used: bool = False


class ReadOnlyClient(HttpClient):
    """Keeps what was asked and answered; no command is ever written."""

    def __init__(self, definition: Definition, clock: SystemClock) -> None:
        super().__init__(definition, clock)
        self.transfers: list[Transfer] = []

    async def question(self, request: Request, within: float) -> Transfer:
        transfer = await super().question(request, within)
        self.transfers.append(transfer)
        return transfer

    async def command(self, request: Request, gate: WriteOnceGuard) -> Transfer:
        raise RuntimeError("a trial sends no command")


class _FarSide:
    """This machine in the OEM's place: whatever is asked is answered with the sample."""

    def __init__(self, sample: Sample, *, token: bool) -> None:
        self._sample = sample
        self._token = token
        self.authorised = False
        """Something was asked after the sample, with what was found in it."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> "_FarSide":
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
    """What the connector concludes from the sample, by the very code that a server runs. `keys`: credentials' names.

    Raises `DefinitionError` where the definition has no such question.
    """
    is_token = question.kind == "token"
    if is_token and definition.auth.scheme != "oauth2":
        raise DefinitionError("auth.scheme: no token is asked for with bearer")
    if question.kind == "state" and definition.state is None:
        raise DefinitionError("state: there is no such table")
    async with _FarSide(sample, token=is_token) as far_side:
        connector = HttpConnector(_moved(definition, far_side.url, is_token=is_token), SystemClock())
        try:
            outcome = await _asked(connector, question, _target(question, keys | {"token"}), far_side.url)
        finally:
            await connector.close()
        return msgspec.structs.replace(outcome, token_used=far_side.authorised)


async def read_live(
    definition: Definition, credentials: dict[str, str], vehicle: str
) -> tuple[StateReport | None, list[Transfer]]:
    """One state read of the vehicle, the token before it, and what was asked and answered. Nothing is commanded.

    Raises `DefinitionError`.
    """
    if definition.state is None:
        raise DefinitionError("state: there is no such table, so nothing can be read")
    clock = SystemClock()
    wire = ReadOnlyClient(definition, clock)
    connector = HttpConnector(definition, clock, wire=wire)
    try:
        report = await connector.read_report(Target(Account("trial", credentials), vehicle, vehicle))
    finally:
        await connector.close()
    return report, wire.transfers


async def _asked(connector: HttpConnector, question: SampleQuestion, target: Target, url: URL) -> SampleResult:
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
    return Target(Account("trial", dict.fromkeys(keys, "sample")), question.vehicle, question.vehicle)


def _moved(definition: Definition, url: URL, *, is_token: bool) -> Definition:
    """The definition with this machine in its OEM's place; the OEM's own URLs stay usable."""
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
