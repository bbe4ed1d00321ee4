"""``keyturn serve``."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from keyturn.app import Node
from keyturn.cli.configuration import settings_at
from keyturn.cli.options import HERE, AsJson, Place
from keyturn.cli.output import print_url
from keyturn.cli.server import log_to_stderr, run_server
from keyturn.config.settings import Settings

Port = Annotated[int | None, Parameter(help="Port to listen on; 0 takes a free one.")]


def serve(*, place: Place = HERE, port: Port = None, as_json: AsJson = False) -> None:
    """Run the server until SIGTERM or SIGINT. Prints its URL when it is ready."""
    settings = settings_at(place, port=port)
    log_to_stderr(settings.log)
    run_server(lambda stopping: _serve(settings, stopping, as_json=as_json))


async def _serve(settings: Settings, stopping: asyncio.Event, *, as_json: bool) -> None:
    node = Node(settings)
    url = await node.start()
    try:
        print_url(url, as_json=as_json)
        await stopping.wait()
    finally:
        await node.stop()
