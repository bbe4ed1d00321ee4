"""A complete node, with an OEM in process."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from unittest.mock import patch

from benchmarks.installation import INITIATE_WAIT, Installation, settings_at
from benchmarks.oem import InstantOem
from keyturn.app import Node
from keyturn.cli.server import collect_rarely, spare_started
from keyturn.clock import Clock
from keyturn.telemetry.logs import configure_logs

_REST = 0.2
"""Seconds without a change after which the engine is at rest."""


class BenchNode(Node):
    """`oems` replace the configured connectors, whose OEM would be measured too."""

    def __init__(
        self,
        installation: Installation,
        *,
        oem: Callable[[float], InstantOem] = InstantOem,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(settings_at(installation.data), clock=clock, bench=True)
        self.oems = {name: oem(wait) for name, wait in INITIATE_WAIT.items()}

    async def start(self) -> str:
        configure_logs("console", "warning", sys.stderr)
        collect_rarely()
        with patch("keyturn.app.build_connectors", return_value=self.oems):
            return await super().start()

    async def at_rest(self) -> None:
        """Until the engine has taken up whatever was open when it started."""
        before = -1
        while before != self.runtime.engine.busy:
            before = self.runtime.engine.busy
            await asyncio.sleep(_REST)


@asynccontextmanager
async def serve_keyturn(installation: Installation) -> AsyncIterator[int]:
    """Serve a node on the installation; yields its port."""
    node = BenchNode(installation)
    url = await node.start()
    try:
        await node.at_rest()
        spare_started()
        yield int(url.rpartition(":")[2])
    finally:
        await node.stop()
