"""Runs the simulator as an HTTP server: in an event loop, or until a signal."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import uvicorn

from keyturn_simulator.clock import SimulatorClock
from keyturn_simulator.http.responses import AbortableProtocol, HeldConnections
from keyturn_simulator.http.server import application
from keyturn_simulator.journal import Journal
from keyturn_simulator.settings import SimulatorSettings
from keyturn_simulator.vehicles.simulation import Simulation

KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def build(settings: SimulatorSettings, clock: SimulatorClock) -> Simulation:
    """A simulation with what its data folder remembers. Raises `JournalError`."""
    return Simulation(settings, clock, Journal(settings.data_dir))


class EmbeddedServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals to the embedding program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Simulator:
    """Serves a simulation between `start` and `stop`, or for the length of an `async with`."""

    def __init__(self, settings: SimulatorSettings, clock: SimulatorClock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SimulatorClock()
        self._held = HeldConnections()

    async def start(self) -> str:
        """Returns the base url. Raises `OSError` when the address is taken, `JournalError` for damaged data."""
        self.simulation = build(self._settings, self._clock)
        listener = listening(self._settings.host, self._settings.port)
        self._server = EmbeddedServer(server_config(self.simulation, self._held))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        host, port = listener.getsockname()[:2]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self.base_url

    async def stop(self) -> None:
        """Ends every connection, also those that wait for an answer that never comes."""
        self._server.should_exit = True
        self._held.release()
        try:
            await self._serving
        finally:
            await self.simulation.journal.durable()

    async def __aenter__(self) -> "Simulator":
        await self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.stop()


def listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it an answer can wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def server_config(simulation: Simulation, held: HeldConnections) -> uvicorn.Config:
    return uvicorn.Config(
        application(simulation, held),
        http=AbortableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
    )


async def serve_forever(settings: SimulatorSettings, announce: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; calls `announce` with the base url once the server is listening."""
    stopping = asyncio.Event()
    for stop_signal in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(stop_signal, stopping.set)
    async with Simulator(settings) as simulator:
        announce(simulator.base_url)
        await stopping.wait()
