"""`POST /vehicle-command` and `GET /vehicle-command/{command_id}`: the checks of docs/api.md in their order."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, unquote_to_bytes

from keyturn.api.json_body import ReceivedCommand, parse_command, sanitize
from keyturn.api.ports import CommandService
from keyturn.api.request import Request
from keyturn.api.request_guard import RequestGuard
from keyturn.api.responses import Response, json_response, with_etag
from keyturn.auth.principal import Principal
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.admission.requests import CommandRequest
from keyturn.errors import (
    BlockedByPolicy,
    CommandNotFound,
    InvalidCase,
    InvalidIdempotencyKey,
    InvalidReason,
    InvalidWait,
    Refusal,
    SignatureInvalid,
    VinNotFound,
)
from keyturn.printable import BIDI_CONTROLS

MAX_WAIT = 30
"""Seconds."""

MAX_TEXT = 500
"""Characters of a reason or a case number."""
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_PERCENT_ENCODED = re.compile(r"(?:[\x20-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WAIT = re.compile(r"0*([0-9]{1,2})")
_KEY = re.compile(r"[\x21-\x7e]{1,64}")

Submit = Callable[[Request, Principal, ReceivedCommand, Nonce | None], Awaitable[Response]]


class VehicleCommands:
    """The two endpoints of the original API contract."""

    def __init__(self, guard: RequestGuard, commands: CommandService, body_limit: int) -> None:
        self._guard = guard
        self._commands = commands
        self._body_limit = body_limit

    async def post(self, request: Request) -> Response:
        """Register a command, coalesce with one, or issue a code."""
        return await self._check_and_submit(request, self._submit)

    async def noop(self, request: Request) -> Response:
        """Checks 1 to 7 and nothing else: what a benchmark compares `post` with."""
        return await self._check_and_submit(request, _accept)

    async def _check_and_submit(self, request: Request, submit: Submit) -> Response:
        """The checks of docs/api.md by their numbers; the first that fails raises its `Refusal`."""
        principal = await self._guard.authenticate(request)  # 1, 2
        body = await request.body(self._body_limit)  # 3
        received = parse_command(body)  # 3, 4, 5
        nonce = await self._guard.verify_signature(request, body, principal, received)  # 6a, 6b
        await self._guard.limit_rate(principal, received)  # 7
        return await submit(request, principal, received, nonce)  # 8 to 11b

    async def _submit(
        self, request: Request, principal: Principal, received: ReceivedCommand, nonce: Nonce | None
    ) -> Response:
        try:
            answer = await self._commands.submit(_command_request(request, principal, received, nonce))
        except SignatureInvalid:
            raise self._guard.count_replay(request, principal) from None
        except (VinNotFound, CommandNotFound, BlockedByPolicy) as refusal:
            raise self._guard.count_refusal(principal, received.command, refusal) from None
        return json_response(answer.http_status, answer.body)

    async def get(self, request: Request) -> Response:
        """The public record, held for up to ``?wait`` seconds until it is final."""
        principal = await self._guard.authenticate(request)  # 1, 2
        wait = _wait(request.scope["query_string"])
        command_id: str = request.scope["path_params"]["command_id"]
        if not _UUID.fullmatch(command_id):
            raise CommandNotFound
        record = await self._commands.get(principal.company_id, command_id.lower(), wait)
        if record is None:
            raise CommandNotFound
        return with_etag(request, json_response(200, record))


async def _accept(*_: object) -> Response:
    return json_response(200, {"status": "ok"})


def _command_request(
    request: Request, principal: Principal, received: ReceivedCommand, nonce: Nonce | None
) -> CommandRequest:
    key = request.text(b"idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidIdempotencyKey
    return CommandRequest(
        company_id=principal.company_id,
        application_id=principal.application_id,
        vin=sanitize(received.vin),
        command=sanitize(received.command),
        grants=principal.grants,
        code=received.code,
        idempotency_key=key,
        reason=_header_text(request, b"x-reason", InvalidReason),
        case_number=_header_text(request, b"x-case", InvalidCase),
        request_hash="" if key is None else _request_hash(request, received),
        nonce=nonce,
    )


def _header_text(request: Request, name: bytes, refusal: type[Refusal]) -> str | None:
    """A header field of free text, percent-encoded because header fields are ASCII (RFC 9110, 5.5)."""
    field = request.text(name)
    if field is None:
        return None
    try:
        text = unquote_to_bytes(_escaped(field)).decode("utf-8").strip()
    except ValueError:
        raise refusal from None
    if len(text) > MAX_TEXT or any(map(_misleads, text)):
        raise refusal
    return text or None


def _misleads(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE or character in BIDI_CONTROLS


def _escaped(field: str) -> str:
    """Raises `ValueError` for a character that is not ASCII and for a percent sign that begins no octet."""
    if not _PERCENT_ENCODED.fullmatch(field):
        raise ValueError(field)
    return field


def _request_hash(request: Request, received: ReceivedCommand) -> str:
    """Hex SHA-256 over all that makes two requests the same; JSON escapes keep the parts apart."""
    parts = [received.vin, received.command, received.code, request.text(b"x-reason"), request.text(b"x-case")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("ascii")).hexdigest()


def _wait(query: bytes) -> float:
    """Seconds from ``?wait=N``; 0 without it."""
    if not query:
        return 0.0
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("wait", ["0"])
    number = _WAIT.fullmatch(values[0]) if len(values) == 1 else None
    if number is None or int(number[1]) > MAX_WAIT:
        raise InvalidWait
    return float(number[1])
