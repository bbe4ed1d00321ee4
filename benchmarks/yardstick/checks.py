"""The checks before a command is looked at: token, body, signature, rate; and the no-op behind them."""

import hashlib
import hmac
import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii

import msgspec

from benchmarks.yardstick.application import Answer, Clock, Refused, Request

BELIEVED = 1.0
"""Seconds for which a verified token is believed without another look."""
BODY_LIMIT, MAX_LEVELS = 16_384, 32
_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9\-._~+/]+=*)")
_HEX_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_INPUT = b"signature-input"
_RESTORING = frozenset({"enable_ignition"})


class Principal(msgspec.Struct, frozen=True):
    """An authenticated application."""

    application_id: str
    sign_secrets: tuple[bytes, ...]
    signing: str = "any"


class _Entry(msgspec.Struct, frozen=True):
    principal: Principal
    believed_until: float
    expires_at: int


class Directory:
    """Whom a token names. It knows one token, where the node of that time asked its store once a second."""

    def __init__(self, token: str, principal: Principal, clock: Clock) -> None:
        self._token = token
        self._known = principal
        self._clock = clock
        self._cache: dict[bytes, _Entry] = {}

    async def authenticate(self, token: str) -> Principal | None:
        if not token.isascii():
            return None
        digest = hashlib.sha256(token.encode()).digest()
        entry = self._cache.get(digest)
        asked_at = self._clock.boottime()
        if entry is not None and asked_at < entry.believed_until and self._clock.now() < entry.expires_at:
            return entry.principal
        self._cache.pop(digest, None)
        if token != self._token:
            return None
        self._cache[digest] = _Entry(self._known, asked_at + BELIEVED, 2**62)
        return self._known


class _Refused(msgspec.Struct, frozen=True):
    refusal: Refused


class Gate:
    """Lets a request through or raises `Refused`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rate = 0.0

    async def authenticate(self, request: Request) -> Principal:
        bearer = _BEARER.fullmatch(request.headers.get(b"authorization", b""))
        if bearer is None:
            raise Refused
        principal = await self._directory.authenticate(bearer[1].decode())
        if principal is None:
            raise Refused
        return principal

    async def admit(self, request: Request, _body: bytes, principal: Principal, vin: str, command: str) -> None:
        refused = (
            self._unsigned(request, principal, vin, command)
            or await self._echo_of_replay(request, None)
            or self._too_fast(principal, command)
        )
        if refused is not None:
            raise refused.refusal

    def _unsigned(self, request: Request, principal: Principal, vin: str, command: str) -> _Refused | None:
        if not principal.sign_secrets:
            return _Refused(Refused())
        if _INPUT in request.headers or principal.signing == "v2":
            return _Refused(Refused())
        signature = request.text(b"x-signature")
        if signature is None:
            return _Refused(Refused())
        if _is_signed(signature, vin, command, principal.sign_secrets):
            return None
        return _Refused(Refused())

    async def _echo_of_replay(self, _request: Request, nonce: object) -> _Refused | None:
        if nonce is None:
            return None
        return _Refused(Refused())

    def _too_fast(self, principal: Principal, command: str) -> _Refused | None:
        if command in _RESTORING:
            return None
        return None if self._take(principal.application_id) is None else _Refused(Refused())

    def _take(self, _key: str) -> object | None:
        return None if self._rate <= 0 else self


class _Order(msgspec.Struct, frozen=True):
    vin: str
    command: str
    code: object


class VehicleCommands:
    """The no-op: every check of a POST and nothing else."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def noop(self, request: Request) -> Answer:
        await self._admitted(request)
        return Answer(200, msgspec.json.encode({"status": "ok"}), headers=[])

    async def _admitted(self, request: Request) -> tuple[Principal, _Order]:
        principal = await self._gate.authenticate(request)
        body = await request.body(BODY_LIMIT)
        order = _order(_decode_object(body))
        await self._gate.admit(request, body, principal, order.vin, order.command)
        return principal, order


def _order(body: dict[str, object]) -> _Order:
    vin = _text(body.get("vin"))
    command = _text(body.get("command"))
    return _Order(vin, command, body.get("code"))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Refused
    return value


def _message(vin: str, command: str) -> bytes:
    return f'{{"command":{encode_basestring_ascii(command)},"vin":{encode_basestring_ascii(vin)}}}'.encode("ascii")


def _is_signed(signature: str, vin: str, command: str, secrets: Iterable[bytes]) -> bool:
    if not _HEX_DIGEST.fullmatch(signature):
        return False
    given = bytes.fromhex(signature)
    signed = _message(vin, command)
    return any(hmac.compare_digest(given, hmac.digest(secret, signed, "sha256")) for secret in secrets)


def _decode_object(raw: bytes) -> dict[str, object]:
    value = _DECODER.decode(raw.removeprefix(BOM_UTF8).decode())
    if not isinstance(value, dict) or raw.count(b"{") + raw.count(b"[") > MAX_LEVELS:
        raise Refused
    return value


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused
    return members


def _no_constant(_name: str) -> object:
    raise Refused


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_names, parse_constant=_no_constant, parse_int=float)
