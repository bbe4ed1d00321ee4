"""Running the server's code in this process: ``keyturn serve``, and administration of a store that no server has open.

Every error that keeps it from running becomes one sentence and an exit code. Calls of a running server need none of it.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import uvloop
from cyclopts import Parameter

from keyturn.api.server.listeners import ListenRefused
from keyturn.auth.principal import Credentials
from keyturn.cli.configuration import settings_at
from keyturn.cli.failure import Exit, Failure, usage
from keyturn.cli.options import DEFAULT_INSTALLATION, AsJson, Installation
from keyturn.cli.output import print_url
from keyturn.config.settings import LogSettings, Settings
from keyturn.config.validation import ConfigError
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.errors import OperationError
from keyturn.store.port import StoreRefused, StoreUnavailable
from keyturn.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from keyturn.app import Node

Port = Annotated[int | None, Parameter(help="Port to listen on; 0 takes a free one.")]

Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A coroutine that ends soon after the event is set."""


def serve(*, installation: Installation = DEFAULT_INSTALLATION, port: Port = None, as_json: AsJson = False) -> None:
    """Run the server until SIGTERM or SIGINT. Prints its URL when it is ready."""
    from keyturn import app  # the simulator alone and a single operation do without it

    settings = settings_at(installation, port=port)
    log_to_stderr(settings.log)
    run_server(lambda stopping: _serve(app.Node(settings), stopping, as_json=as_json))


async def _serve(node: "Node", stopping: asyncio.Event, *, as_json: bool) -> None:
    url = await node.start()
    spare_started()
    try:
        print_url(url, as_json=as_json)
        await stopping.wait()
    finally:
        await node.stop()


def run_server(work: Work) -> None:
    """Run `work` until it ends; SIGTERM and SIGINT set its event. Raises `Failure`."""
    collect_rarely()
    with server_failures():
        uvloop.run(_until_stopped(work))


def collect_rarely() -> None:
    """Run garbage collections rarely: with thousands of open commands a full one stops every request for 0.1 s."""
    gc.set_threshold(10_000, 5, 200)


def spare_started() -> None:
    """Leave what the start made, which lasts, out of garbage collections."""
    gc.freeze()


def log_to_stderr(log: LogSettings) -> None:
    """Write logs to stderr, because stdout is for answers."""
    configure_logs(log.format, log.level, sys.stderr)


@contextmanager
def server_failures() -> Iterator[None]:
    """Raises `Failure` for every error that keeps a server from running."""
    try:
        yield
    except (ConfigError, DefinitionError) as error:
        raise usage(str(error)) from None
    except (StoreRefused, StoreUnavailable) as error:
        raise Failure(Exit.UNREACHABLE, "store_refused", str(error)) from None
    except ListenRefused as error:
        raise Failure(Exit.UNREACHABLE, "listen_refused", str(error)) from None


def perform_on_store(
    settings: Settings, name: str, arguments: dict[str, Any], signing_in: Credentials | None = None
) -> dict[str, Any]:
    """Do one operation on the store itself. Raises `Failure`."""
    with server_failures():
        return asyncio.run(_perform(settings, name, arguments, signing_in))


async def _until_stopped(work: Work) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C does not wait

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await work(stopping)


async def _perform(
    settings: Settings, name: str, arguments: dict[str, Any], signing_in: Credentials | None
) -> dict[str, Any]:
    from keyturn.administration import open_offline  # most of the server, which the simulator alone does without

    async with open_offline(settings) as bench:
        try:
            return await bench.administer(name, arguments, signing_in)
        except OperationError as error:
            raise Failure(Exit.REFUSED, error.code, str(error)) from None
