"""The command line of a `ServerEnv`, through the local socket of its running server."""

import asyncio
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from keyturn.cli.root import run
from tests.support.server_env import ServerEnv


async def keyturn(server: ServerEnv, *words: str, code: int = 0) -> dict[str, Any]:
    """What a command prints: on stdout, or where it is refused on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        ended = await asyncio.to_thread(run, [*words, "--data", server.settings.server.data, "--json"])
    assert ended == code, err.getvalue()
    told: dict[str, Any] = json.loads(out.getvalue() or err.getvalue())
    return told
