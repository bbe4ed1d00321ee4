"""Client of the administration socket of a running server."""

import json
import os
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import msgspec

from keyturn.api.admin_socket import SOCKET_NAME
from keyturn.auth.principal import Credentials
from keyturn.cli.failure import Exit, Failure

_TIMEOUT = 30.0
"""Seconds."""
_ADDRESS_BYTES = 103
"""The longest path that fits into a socket address on every system."""


class AdminSocket:
    """One connection to the server that has `directory` open."""

    def __init__(self, sock: socket.socket) -> None:
        self._connection = HTTPConnection("localhost")
        self._connection.sock = sock

    def administer(self, name: str, arguments: dict[str, Any], signing_in: Credentials | None = None) -> dict[str, Any]:
        """Do one operation, as the operator with these credentials. Raises `Failure`."""
        operator = None if signing_in is None else msgspec.structs.asdict(signing_in)
        try:
            status, answer = self._exchange(json.dumps({"name": name, "arguments": arguments, "operator": operator}))
        except (OSError, HTTPException, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise Failure(Exit.UNREACHABLE, "unreachable", f"The server did not answer: {reason}.") from error
        if status >= 500:
            raise Failure(Exit.UNREACHABLE, answer["code"], answer["detail"])
        if status >= 400:
            raise Failure(Exit.REFUSED, answer["code"], answer["detail"])
        return answer

    def close(self) -> None:
        self._connection.close()

    def _exchange(self, body: str) -> tuple[int, dict[str, Any]]:
        self._connection.request("POST", "/operations", body.encode(), {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        if not isinstance(answer, dict):
            raise ValueError("not an object")  # noqa: TRY004 - handled with the other malformed answers
        return response.status, answer


def open_admin_socket(directory: Path) -> AdminSocket | None:
    """A connection to the server that has `directory` open, None when no server runs."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(_TIMEOUT)
    try:
        _connect(sock, directory)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        sock.close()
        return None
    except OSError as error:
        sock.close()
        reason = f"The server's socket in {directory} cannot be used: {error.strerror}."
        raise Failure(Exit.UNREACHABLE, "unreachable", reason) from None
    return AdminSocket(sock)


def _connect(sock: socket.socket, directory: Path) -> None:
    path = os.fsencode(directory / SOCKET_NAME)
    if len(path) <= _ADDRESS_BYTES:
        sock.connect(path)
        return
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{descriptor}/{SOCKET_NAME}")  # a shorter path to the same socket
    finally:
        os.close(descriptor)
