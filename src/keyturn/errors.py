"""Every documented error of the API: one class each, with its HTTP status and its exact text (docs/api.md).

A `Refusal` is the response to a request that registers no command; its body is exactly ``{"detail": "..."}``.
"""

from typing import ClassVar


class Refusal(Exception):
    """Base of the documented refusals. `retry_after` (whole seconds) becomes the header of that name."""

    http_status: ClassVar[int]
    detail: str
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__(self.detail)
        self.retry_after = retry_after


class InvalidHttp(Refusal):
    http_status = 400
    detail = "Invalid HTTP request."


class HeaderTooLarge(Refusal):
    http_status = 431
    detail = "Request header fields too large."


class HeaderTooSlow(Refusal):
    http_status = 408
    detail = "Request header was not received in time."


class InvalidJson(Refusal):
    http_status = 400
    detail = "Request body is not valid JSON."


class BodyTooLarge(Refusal):
    http_status = 413
    detail = "Request body too large."


class BodyTooSlow(Refusal):
    http_status = 408
    detail = "Request body was not received in time."


class InvalidCredentials(Refusal):
    http_status = 401
    detail = "Invalid credentials."


class BearerMissing(Refusal):
    http_status = 401
    detail = "Bearer token missing."
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class BearerInvalid(Refusal):
    http_status = 401
    detail = "Bearer token invalid or expired."
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class InvalidVin(Refusal):
    http_status = 400
    detail = "Invalid VIN. VIN must be a string. At least one VIN is required."


class InvalidCommand(Refusal):
    http_status = 400
    detail = "Invalid command. Command must be a string. At least one command is required."


class SignSecretMissing(Refusal):
    http_status = 403
    detail = "Sign-secret not found."


class SignatureInvalid(Refusal):
    http_status = 403
    detail = "X-Signature invalid."


class TooManyRequests(Refusal):
    http_status = 429
    detail = "Too many requests."


class InvalidIdempotencyKey(Refusal):
    http_status = 400
    detail = "Idempotency-Key must be 1 to 64 visible characters."


class InvalidReason(Refusal):
    http_status = 400
    detail = "X-Reason must be percent-encoded UTF-8 of at most 500 characters."


class InvalidCase(Refusal):
    http_status = 400
    detail = "X-Case must be percent-encoded UTF-8 of at most 500 characters."


class IdempotencyKeyReused(Refusal):
    http_status = 422
    detail = "Idempotency-Key was used for a different request."


class VinNotFound(Refusal):
    http_status = 404
    detail = "VIN not found or unauthorized access."


class CommandNotFound(Refusal):
    http_status = 404
    detail = "Command not found or unauthorized access."


class BlockedByPolicy(Refusal):
    """Check 10 (docs/api.md): `reason` is one of the closed table of reasons."""

    http_status = 403

    def __init__(self, reason: str) -> None:
        self.detail = blocked_by_policy(reason)
        super().__init__()


class ConfirmationInvalid(Refusal):
    http_status = 400
    detail = "Confirmation invalid"


class ConfirmationAlreadyUsed(Refusal):
    http_status = 409
    detail = "Confirmation already used"


class InvalidWait(Refusal):
    http_status = 400
    detail = "wait must be an integer from 0 to 30."


class ServiceUnavailable(Refusal):
    http_status = 503
    detail = "Service unavailable."


class InternalError(Refusal):
    http_status = 500
    detail = "Internal server error."


def blocked_by_policy(reason: str) -> str:
    """The text of a policy refusal, in a response or in a record."""
    return f"Command blocked by policy: {reason}."


class OperationError(Exception):
    """An administration operation failed. `code` is stable; the message is one sentence for the operator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
