"""Administration socket: runs operations for the user that runs the server, who alone may open it."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from keyturn.api.request import ClientGone, Request
from keyturn.api.responses import Response, json_response
from keyturn.auth.principal import Credentials
from keyturn.errors import BodyTooLarge, OperationError
from keyturn.store.port import StoreUnavailable

SOCKET_NAME = "keyturn.sock"
"""In the data directory."""
BODY_LIMIT = 1_048_576
"""Bytes."""

Administer = Callable[[str, dict[str, Any], Credentials | None], Awaitable[dict[str, Any]]]
"""Does one operation by name and arguments, as an operator where credentials are given. Raises `OperationError`."""


class _OperationRequest(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, Any] = {}
    operator: Credentials | None = None


_DECODER = msgspec.json.Decoder(_OperationRequest)


class AdminEndpoint:
    """``POST {"name", "arguments", "operator"}`` -> 200 with the operation's answer, or ``{"code", "detail"}``."""

    def __init__(self, administer: Administer) -> None:
        self._administer = administer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._response(Request(scope, receive))
        except ClientGone:
            return
        await response.send(send)

    async def _response(self, request: Request) -> Response:
        try:
            operation = _DECODER.decode(await request.body(BODY_LIMIT))
            return json_response(200, await self._administer(operation.name, operation.arguments, operation.operator))
        except OperationError as error:
            return _refusal(400, error.code, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _refusal(400, "invalid_request", f"The request cannot be read: {error}.")
        except BodyTooLarge as error:
            return _refusal(413, "too_large", error.detail)
        except StoreUnavailable:
            return _refusal(503, "store_unavailable", "The store is unavailable; whether it was done is not known.")


def build_admin_app(administer: Administer) -> ASGIApp:
    """The application that listens on the administration socket."""
    return Router([Route("/operations", AdminEndpoint(administer), methods=["POST"])], redirect_slashes=False)


def _refusal(status: int, code: str, detail: str) -> Response:
    return json_response(status, {"code": code, "detail": detail})
