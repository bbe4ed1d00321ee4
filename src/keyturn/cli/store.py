"""Administration of a store that no server has open."""

import asyncio
from typing import Any

from keyturn.administration import workbench
from keyturn.auth.principal import Credentials
from keyturn.cli.failure import Exit, Failure
from keyturn.cli.server import server_failures
from keyturn.config.settings import Settings
from keyturn.errors import OperationError


def perform_on_store(
    settings: Settings, name: str, arguments: dict[str, Any], signing_in: Credentials | None = None
) -> dict[str, Any]:
    """Do one operation. Raises `Failure`."""
    with server_failures():
        return asyncio.run(_perform(settings, name, arguments, signing_in))


async def _perform(
    settings: Settings, name: str, arguments: dict[str, Any], signing_in: Credentials | None
) -> dict[str, Any]:
    async with workbench(settings) as bench:
        try:
            return await bench.administer(name, arguments, signing_in)
        except OperationError as error:
            raise Failure(Exit.REFUSED, error.code, str(error)) from None
