"""Administration of a store that no server has open."""

import asyncio
from typing import Any

from keyturn.app import workbench
from keyturn.cli.failure import Exit, Failure
from keyturn.cli.server import server_failures
from keyturn.config.settings import Settings
from keyturn.tenants.administration import OperationError


def perform_on_store(settings: Settings, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Do one operation. Raises `Failure`."""
    with server_failures():
        return asyncio.run(_perform(settings, name, arguments))


async def _perform(settings: Settings, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async with workbench(settings) as bench:
        try:
            return await bench.administer(name, arguments)
        except OperationError as error:
            raise Failure(Exit.REFUSED, error.code, str(error)) from None
