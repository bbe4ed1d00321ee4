"""Running a server from the command line: until a signal, and with one sentence when it cannot run."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from keyturn.api.server.listeners import ListenRefused
from keyturn.cli.failure import Exit, Failure, usage
from keyturn.config.checking import ConfigError
from keyturn.config.settings import LogSettings
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.store.port import StoreRefused, StoreUnavailable
from keyturn.telemetry.logs import configure_logs

Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Ends soon after the event is set."""


def run_server(work: Work) -> None:
    """Run `work` until it ends; SIGTERM and SIGINT set its event. Raises `Failure`."""
    collect_rarely()
    with server_failures():
        uvloop.run(_until_stopped(work))


def collect_rarely() -> None:
    """A full collection stops every request for a tenth of a second when thousands of operations are under way."""
    gc.set_threshold(10_000, 20, 50)


def log_to_stderr(log: LogSettings) -> None:
    """Stdout is for answers."""
    configure_logs(log.format, log.level, sys.stderr)


@contextmanager
def server_failures() -> Iterator[None]:
    """What keeps a server from running, as `Failure`."""
    try:
        yield
    except (ConfigError, DefinitionError) as error:
        raise usage(str(error)) from None
    except (StoreRefused, StoreUnavailable) as error:
        raise Failure(Exit.UNREACHABLE, "store_refused", str(error)) from None
    except ListenRefused as error:
        raise Failure(Exit.UNREACHABLE, "listen_refused", str(error)) from None


async def _until_stopped(work: Work) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        loop.remove_signal_handler(signal.SIGINT)  # whoever presses Ctrl-C again does not want to wait

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await work(stopping)
