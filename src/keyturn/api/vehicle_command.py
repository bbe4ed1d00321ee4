"""`POST /vehicle-command` and `GET /vehicle-command/{command_id}`: rows 1-7 in their order, then the desk."""

import hashlib
import json
import re
import unicodedata
from urllib.parse import parse_qs, unquote_to_bytes

import msgspec

from keyturn.api.json_body import decode_object, sanitize
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
    InvalidCommand,
    InvalidIdempotencyKey,
    InvalidReason,
    InvalidVin,
    InvalidWait,
    Refusal,
    SignatureInvalid,
    VinNotFound,
)
from keyturn.printable import BIDI_CONTROLS

MAX_WAIT = 30
"""Seconds."""

MAX_VIN = 64
"""Characters."""
MAX_WORDS = 500
"""Characters of a reason or a case number."""
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_PERCENT_ENCODED = re.compile(r"(?:[\x20-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WAIT = re.compile(r"0*([0-9]{1,2})")
_KEY = re.compile(r"[\x21-\x7e]{1,64}")


class _Order(msgspec.Struct, frozen=True):
    """The fields of the body, as received."""

    vin: str
    command: str
    code: object


class VehicleCommands:
    """The two endpoints of the seeds."""

    def __init__(self, gate: RequestGuard, desk: CommandService, body_limit: int) -> None:
        self._gate = gate
        self._desk = desk
        self._body_limit = body_limit

    async def post(self, request: Request) -> Response:
        """Register a command, join one, or issue a code."""
        principal, order, nonce = await self._admitted(request)
        try:
            answer = await self._desk.post(_command_request(request, principal, order, nonce))
        except SignatureInvalid:
            raise self._gate.count_replay(request, principal) from None
        except (VinNotFound, CommandNotFound, BlockedByPolicy) as refusal:
            raise self._gate.count_refusal(principal, order.command, refusal) from None
        return json_response(answer.http_status, answer.body)

    async def get(self, request: Request) -> Response:
        """The public record, held for up to ``?wait`` seconds until it is final."""
        principal = await self._gate.authenticate(request)
        wait = _wait(request.scope["query_string"])
        command_id: str = request.scope["path_params"]["command_id"]
        if not _UUID.fullmatch(command_id):
            raise CommandNotFound
        record = await self._desk.get(principal.company_id, command_id.lower(), wait)
        if record is None:
            raise CommandNotFound
        return with_etag(request, json_response(200, record))

    async def noop(self, request: Request) -> Response:
        """Every check of `post` and nothing else: what a benchmark compares `post` with."""
        await self._admitted(request)
        return json_response(200, {"status": "ok"})

    async def _admitted(self, request: Request) -> tuple[Principal, _Order, Nonce | None]:
        principal = await self._gate.authenticate(request)
        body = await request.body(self._body_limit)
        order = _order(decode_object(body))
        nonce = await self._gate.admit(request, body, principal, order.vin, order.command)
        return principal, order, nonce


def _order(body: dict[str, object]) -> _Order:
    vin = _text(body.get("vin"), InvalidVin)
    if len(vin) > MAX_VIN:
        raise InvalidVin
    command = _text(body.get("command"), InvalidCommand)
    return _Order(vin, command, body.get("code"))


def _text(value: object, refusal: type[Refusal]) -> str:
    if not isinstance(value, str) or not value:
        raise refusal
    return value


def _command_request(request: Request, principal: Principal, order: _Order, nonce: Nonce | None) -> CommandRequest:
    key = request.text(b"idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidIdempotencyKey
    return CommandRequest(
        company_id=principal.company_id,
        application_id=principal.application_id,
        vin=sanitize(order.vin),
        command=sanitize(order.command),
        grants=principal.grants,
        code=order.code,
        idempotency_key=key,
        reason=_said(request, b"x-reason", InvalidReason),
        case_number=_said(request, b"x-case", InvalidCase),
        request_hash="" if key is None else _request_hash(request, order),
        nonce=nonce,
    )


def _said(request: Request, name: bytes, refusal: type[Refusal]) -> str | None:
    """A header of words, percent-encoded because header fields are ASCII (RFC 9110, 5.5)."""
    field = request.text(name)
    if field is None:
        return None
    try:
        words = unquote_to_bytes(_escaped(field)).decode("utf-8").strip()
    except ValueError:
        raise refusal from None
    if len(words) > MAX_WORDS or any(map(_misleads, words)):
        raise refusal
    return words or None


def _misleads(sign: str) -> bool:
    return unicodedata.category(sign) in _UNPRINTABLE or sign in BIDI_CONTROLS


def _escaped(field: str) -> str:
    """Raises `ValueError` where something is not ASCII, or a percent sign begins no octet."""
    if not _PERCENT_ENCODED.fullmatch(field):
        raise ValueError(field)
    return field


def _request_hash(request: Request, order: _Order) -> str:
    """Hex SHA-256 over all that makes two requests the same; JSON escapes keep the parts apart."""
    parts = [order.vin, order.command, order.code, request.text(b"x-reason"), request.text(b"x-case")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("ascii")).hexdigest()


def _wait(query: bytes) -> float:
    """Seconds from ``?wait=N``; 0 when it is not asked for."""
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("wait", ["0"])
    number = _WAIT.fullmatch(given[0]) if len(given) == 1 else None
    if number is None or int(number[1]) > MAX_WAIT:
        raise InvalidWait
    return float(number[1])
