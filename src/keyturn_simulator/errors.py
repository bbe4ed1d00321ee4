"""Errors of the simulated cloud's API, with their status and code."""


class CloudError(Exception):
    """An error response of the simulated cloud, rendered as JSON with its code and text."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def vehicle_not_found() -> CloudError:
    return CloudError(404, "vehicle_not_found", "No such vehicle.")


def command_not_found() -> CloudError:
    return CloudError(404, "command_not_found", "This vehicle has no such command.")


def operation_not_found() -> CloudError:
    return CloudError(404, "operation_not_found", "No such operation.")


def too_late_to_cancel() -> CloudError:
    return CloudError(409, "too_late", "The vehicle has already got this command.")


def idempotency_conflict() -> CloudError:
    return CloudError(409, "idempotency_conflict", "This Idempotency-Key was used for a different request.")


def invalid_request(reason: str) -> CloudError:
    return CloudError(400, "invalid_request", reason)


def unauthorized() -> CloudError:
    return CloudError(401, "unauthorized", "Bearer token missing, wrong or expired.")


def oem_failure(status: int) -> CloudError:
    return CloudError(status, "unavailable" if status == 503 else "internal_error", "The command was not taken.")
