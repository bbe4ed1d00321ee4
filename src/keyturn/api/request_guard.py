"""The gate: who is it (rows 1 and 2 of the contract's table), is it signed (6a, 6b), is it too fast (7)."""

import re

import msgspec

from keyturn.api.client_address import ClientAddresses
from keyturn.api.json_body import sanitize
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
    echo: bool = False
    """Only repeats what a tripped limiter has said before."""


class RequestGuard:
    """Lets a request through or raises the `Refusal` of the first row that fails."""

    def __init__(
        self,
        directory: Authenticator,
        desk: CommandService,
        addresses: ClientAddresses,
        limits: LimitSettings,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._desk = desk
        self._addresses = addresses
        self._bearers = FailedAttempts(limits.failed_attempts_per_minute, clock)
        self._signatures = FailedAttempts(limits.failed_attempts_per_minute, clock)
        self._rates = TokenBuckets(limits.application_rate, limits.application_burst, clock)
        self._refusals = TokenBuckets(limits.refusal_rate, limits.refusal_burst, clock)

    async def authenticate(self, request: Request) -> Principal:
        """Rows 1 and 2."""
        bearer = _BEARER.fullmatch(request.headers.get(b"authorization", b""))
        if bearer is None:
            raise BearerMissing
        principal = await self._directory.authenticate(bearer[1].decode())
        if principal is None:
            raise _counted(self._bearers, BearerInvalid(), self._addresses.client(request)).refusal
        return principal

    async def admit(self, request: Request, body: bytes, principal: Principal, vin: str, command: str) -> Nonce | None:
        """Rows 6a, 6b and 7; the nonce that the desk must spend, where the signature has one.

        A refused ignition attempt is written down, its echoes are not.
        """
        nonce = signed_nonce(request, body, principal) if SIGNATURE_INPUT in request.headers else None
        refused = (
            self._unsigned(request, principal, vin, command, nonce)
            or await self._echo_of_replay(request, nonce)
            or self._too_fast(principal, command)
        )
        if refused is None:
            return nonce
        if command in IGNITION_PAIR and not refused.echo:
            await self._desk.refuse(principal, sanitize(vin), command, refused.refusal)
        raise refused.refusal

    def count_replay(self, request: Request, principal: Principal) -> Refusal:
        """What a request hears whose nonce the desk found spent."""
        return self._failed_signature(request, principal).refusal

    def count_refusal(self, principal: Principal, command: str, refusal: Refusal) -> Refusal:
        """What a request hears that the desk refused by rows 8 to 10.

        What restores is exempt from row 7. What only names something that restores, and is refused, has its own rate.
        """
        held = self._refusals.take(principal.application_id) if command in RESTORING else None
        return refusal if held is None else TooManyRequests(held.retry_after)

    def _unsigned(
        self, request: Request, principal: Principal, vin: str, command: str, nonce: Nonce | None
    ) -> _Refused | None:
        if not principal.sign_secrets:
            return _Refused(SignSecretMissing())
        if SIGNATURE_INPUT in request.headers or principal.signing == "v2":
            return self._failed_signature(request, principal) if nonce is None else None
        signature = request.text(b"x-signature")
        if signature is None:
            return _Refused(SignatureInvalid())
        if is_signed(signature, vin, command, principal.sign_secrets):
            return None
        return self._failed_signature(request, principal)

    def _failed_signature(self, request: Request, principal: Principal) -> _Refused:
        return _counted(self._signatures, SignatureInvalid(), self._addresses.client(request), principal.application_id)

    async def _echo_of_replay(self, request: Request, nonce: Nonce | None) -> _Refused | None:
        """While failed signatures are limited, a replay costs no transaction."""
        if nonce is None:
            return None
        wait = self._signatures.retry_after(self._addresses.client(request), nonce.application_id)
        if wait and await self._desk.is_spent(nonce):
            return _Refused(TooManyRequests(wait), echo=True)
        return None

    def _too_fast(self, principal: Principal, command: str) -> _Refused | None:
        if command in RESTORING:
            return None
        held = self._rates.take(principal.application_id)
        return None if held is None else _Refused(TooManyRequests(held.retry_after), echo=held.repeated)


def _counted(attempts: FailedAttempts, refusal: Refusal, *keys: str) -> _Refused:
    """The refusal, counted against each key; 429 instead while one of them is tripped."""
    if wait := attempts.retry_after(*keys):
        return _Refused(TooManyRequests(wait), echo=True)
    attempts.record(*keys)
    return _Refused(refusal)
