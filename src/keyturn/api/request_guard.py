"""Checks 1, 2, 6a, 6b and 7 (docs/api.md): bearer token, signature, rate."""

import re

import msgspec

from keyturn.api.client_address import ClientAddresses
from keyturn.api.json_body import ReceivedCommand, sanitize
from keyturn.api.ports import Authenticator, CommandService
from keyturn.api.rate_limits import FailedAttempts, TokenBuckets
from keyturn.api.request import Request
from keyturn.api.signatures.verification import SIGNATURE_INPUT, is_signed, signed_nonce
from keyturn.auth.principal import Principal
from keyturn.clock import Clock
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.model.catalogue import IGNITION_PAIR, RESTORING
from keyturn.config.settings import LimitSettings
from keyturn.errors import (
    BearerInvalid,
    BearerMissing,
    Refusal,
    SignatureInvalid,
    SignSecretMissing,
    TooManyRequests,
)

_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9\-._~+/]+=*)")


class _Refused(msgspec.Struct, frozen=True):
    refusal: Refusal
    repeated: bool = False
    """A limiter that was exceeded before refuses again."""


class RequestGuard:
    """Authenticates and limits requests. Each method raises the `Refusal` of the first check that fails."""

    def __init__(
        self,
        authenticator: Authenticator,
        commands: CommandService,
        addresses: ClientAddresses,
        limits: LimitSettings,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._commands = commands
        self._addresses = addresses
        self._bearers = FailedAttempts(limits.failed_attempts_per_minute, clock)
        self._signatures = FailedAttempts(limits.failed_attempts_per_minute, clock)
        self._rates = TokenBuckets(limits.application_rate, limits.application_burst, clock)
        self._refusals = TokenBuckets(limits.refusal_rate, limits.refusal_burst, clock)

    async def authenticate(self, request: Request) -> Principal:
        """Checks 1 and 2."""
        bearer = _BEARER.fullmatch(request.headers.get(b"authorization", b""))
        if bearer is None:
            raise BearerMissing
        principal = await self._authenticator.authenticate(bearer[1].decode())
        if principal is None:
            raise _counted(self._bearers, BearerInvalid(), self._addresses.client(request)).refusal
        return principal

    async def verify_signature(
        self, request: Request, body: bytes, principal: Principal, received: ReceivedCommand
    ) -> Nonce | None:
        """Checks 6a and 6b. Returns the nonce that the admission must consume, where the signature has one."""
        nonce = signed_nonce(request, body, principal) if SIGNATURE_INPUT in request.headers else None
        refused = self._unsigned(request, principal, received, nonce) or await self._known_replay(request, nonce)
        if refused is not None:
            raise await self._recorded(refused, principal, received)
        return nonce

    async def limit_rate(self, principal: Principal, received: ReceivedCommand) -> None:
        """Check 7. Restoring commands are exempt."""
        throttled = None if received.command in RESTORING else self._rates.take(principal.application_id)
        if throttled is not None:
            refused = _Refused(TooManyRequests(throttled.retry_after), repeated=throttled.repeated)
            raise await self._recorded(refused, principal, received)

    async def _recorded(self, refused: _Refused, principal: Principal, received: ReceivedCommand) -> Refusal:
        """Audit a refused ignition attempt, unless a limiter only refuses again; the refusal to raise."""
        if received.command in IGNITION_PAIR and not refused.repeated:
            await self._commands.record_refusal(principal, sanitize(received.vin), received.command, refused.refusal)
        return refused.refusal

    def count_replay(self, request: Request, principal: Principal) -> Refusal:
        """The refusal of a request whose nonce was consumed before, counted as a failed signature."""
        return self._failed_signature(request, principal).refusal

    def count_refusal(self, principal: Principal, command: str, refusal: Refusal) -> Refusal:
        """The refusal of checks 8 to 10. Restoring commands are exempt from check 7, so their refusals have a rate."""
        throttled = self._refusals.take(principal.application_id) if command in RESTORING else None
        return refusal if throttled is None else TooManyRequests(throttled.retry_after)

    def _unsigned(
        self, request: Request, principal: Principal, received: ReceivedCommand, nonce: Nonce | None
    ) -> _Refused | None:
        if not principal.sign_secrets:
            return _Refused(SignSecretMissing())
        if SIGNATURE_INPUT in request.headers or principal.signing == "v2":
            return self._failed_signature(request, principal) if nonce is None else None
        signature = request.text(b"x-signature")
        if signature is None:
            return _Refused(SignatureInvalid())
        if is_signed(signature, received.vin, received.command, principal.sign_secrets):
            return None
        return self._failed_signature(request, principal)

    def _failed_signature(self, request: Request, principal: Principal) -> _Refused:
        return _counted(self._signatures, SignatureInvalid(), self._addresses.client(request), principal.application_id)

    async def _known_replay(self, request: Request, nonce: Nonce | None) -> _Refused | None:
        """While failed signatures are limited, a replay costs no transaction."""
        if nonce is None:
            return None
        wait = self._signatures.retry_after(self._addresses.client(request), nonce.application_id)
        if wait and await self._commands.is_consumed(nonce):
            return _Refused(TooManyRequests(wait), repeated=True)
        return None


def _counted(attempts: FailedAttempts, refusal: Refusal, *keys: str) -> _Refused:
    """The refusal, counted against each key; 429 instead while one of them is over its limit."""
    if wait := attempts.retry_after(*keys):
        return _Refused(TooManyRequests(wait), repeated=True)
    attempts.record(*keys)
    return _Refused(refusal)
