"""Runs load while killing servers and OEMs, then waits until all commands are final."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from verification.crash.api_client import ApiClient, RequestLog
from verification.crash.clouds import Cloud
from verification.crash.kills import Death, Kill, KillPoint, draw_kills
from verification.crash.load import Client, LoadControl
from verification.crash.processes import Process, free_port, wall_clock
from verification.crash.run_result import CrashResult, read_records, undecided, watched
from verification.crash.scenario import COMPANIES, CONFIG, Installation, Scenario, install

_RECOVERY = 0.15
"""Seconds after being ready within which a server is in recovery."""
_ANSWERS = 80
_PROGRESS_EVERY = 25
_ASKED_IN_THE_END = 300
"""Records that are read through the API at the end."""
Progress = Callable[[str], None]


class Run:
    """Everything that outlives a server."""

    def __init__(self, scenario: Scenario, folder: Path, http: aiohttp.ClientSession, progress: Progress) -> None:
        self.scenario = scenario
        self._progress = progress
        self.request_log = RequestLog()
        self.deaths: list[Death] = []
        self.problems: list[str] = []
        self._folder = folder
        self._http = http
        self._chance = random.Random(scenario.seed)
        self._load_control = LoadControl()
        self._start_takes = 1.0
        self._port = free_port()
        self.server = Process(["serve", "--json", "--config", folder / CONFIG], folder / "server.log")
        self.clouds = {company: Cloud(company, folder, scenario, http) for company in COMPANIES}

    async def prepare(self) -> None:
        """Clouds up, companies and vehicles enrolled."""
        await asyncio.gather(*(cloud.process.start() for cloud in self.clouds.values()))
        for cloud in self.clouds.values():
            await cloud.misbehave(self._chance)
        urls = {company: cloud.url for company, cloud in self.clouds.items()}
        self.installation: Installation = await install(self._folder, self.scenario, self._port, urls)
        url = f"http://127.0.0.1:{self._port}"
        self._api_clients = [
            ApiClient(each, url, self._http, self.request_log) for each in self.installation.applications
        ]

    async def go(self) -> None:
        """All kills, then peace."""
        await self._serve()
        for api_client in self._api_clients:
            await api_client.log_in()
        self._load_control.open.clear()
        await self.server.kill()
        async with self._load():
            for number, kill in enumerate(draw_kills(self._chance, self.scenario.kills), 1):
                await self._live_until(kill)
                if number % _PROGRESS_EVERY == 0:
                    self._progress(f"{number} servers killed, {len(self.request_log.posts)} requests sent")
            await self._serve()
            for cloud in self.clouds.values():
                await cloud.behave()
            self._load_control.closing = True
        await self._settle()
        await self._look_back()
        if (code := await self.server.terminate()) != 0:
            self.problems.append(f"the last server ended with {code}")
        for cloud in self.clouds.values():
            await cloud.finish()

    async def abandon(self) -> None:
        """No process outlives a run."""
        await self.server.kill()
        for cloud in self.clouds.values():
            await cloud.abandon()

    async def _serve(self) -> None:
        began = time.monotonic()
        await self.server.start()
        self._start_takes = time.monotonic() - began
        self._load_control.open.set()

    @asynccontextmanager
    async def _load(self) -> AsyncIterator[None]:
        """Clients of every application; they end what they began once the load is stopping, or else it is an error."""
        async with asyncio.timeout(None) as patience, asyncio.TaskGroup() as group:
            for number in range(self.scenario.clients):
                group.create_task(self._client(self._api_clients[number % len(self._api_clients)]).run())
            yield
            patience.reschedule(asyncio.get_running_loop().time() + self.scenario.settles_within)

    def _client(self, api_client: ApiClient) -> Client:
        company = api_client.application.company
        foreign = [vin for other in COMPANIES if other != company for vin in self.scenario.vins(other)]
        chance = random.Random(self._chance.random())
        return Client(api_client, self.scenario.vins(company), foreign, chance, self._load_control, self.request_log)

    async def _live_until(self, kill: Kill) -> None:
        """One life of the server, and perhaps the end of a cloud in it."""
        cloud = self.clouds[kill.cloud] if kill.cloud is not None else None
        if cloud and kill.together:
            await cloud.back()
        over = asyncio.Event()
        apart = asyncio.create_task(self._die_apart(cloud, kill, over)) if cloud and not kill.together else None
        await self._live(kill)
        self.deaths.append(Death(wall_clock(), kill.moment, self.request_log.open))
        if self.server.died is not None:
            self.problems.append(f"a server ended by itself with {self.server.died}")
        self._load_control.open.clear()
        await asyncio.gather(self.server.kill(), *([cloud.die()] if cloud and kill.together else []))
        over.set()
        if apart is not None:
            await apart

    async def _die_apart(self, cloud: Cloud, kill: Kill, over: asyncio.Event) -> None:
        """Some time within the server's life, or else right after it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(kill.cloud_share * (self._start_takes + self.scenario.life[1])):
                await over.wait()
        await cloud.die()

    async def _live(self, kill: Kill) -> None:
        """Returns in the moment of the blow."""
        if kill.moment is KillPoint.STARTING:
            await self.server.spawn()
            await asyncio.sleep(self._start_takes * (0.3 + 0.7 * kill.share))
            return
        await self._serve()
        shortest, longest = self.scenario.life
        if kill.moment is KillPoint.RECOVERING:
            await asyncio.sleep(_RECOVERY * kill.share)
        elif kill.moment is KillPoint.LOADED:
            await asyncio.sleep(shortest + (longest - shortest) * kill.share)
        else:
            await self._answers(round(_ANSWERS * kill.share), within=longest)

    async def _answers(self, count: int, within: float) -> None:
        """Returns right on an answer, the `count`th if it comes in time."""
        until = time.monotonic() + within
        while count > 0 and time.monotonic() < until:
            self.request_log.answered.clear()
            await self.request_log.answered.wait()
            count -= 1

    async def _settle(self) -> None:
        """Until every record has a final status, or the time is up: the checks report what is left."""
        until = time.monotonic() + self.scenario.settles_within
        while self._undecided() and time.monotonic() < until:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.1)

    def _undecided(self) -> int:
        with watched(self.installation.data) as connection:
            return undecided(connection)

    async def _look_back(self) -> None:
        """Clients read a sample of the records that they were answered."""
        answered_posts = [post for post in self.request_log.posts if post.id is not None]
        api_clients = {api_client.application.id: api_client for api_client in self._api_clients}
        for post in self._chance.sample(answered_posts, min(len(answered_posts), _ASKED_IN_THE_END)):
            assert post.id is not None
            await api_clients[post.application.id].get(post.id)


async def run(scenario: Scenario, folder: Path, progress: Progress = print) -> tuple[Run, CrashResult]:
    """A whole run in this folder; `progress` gets lines under way. Raises `Gone` when a process does not come up."""
    async with AsyncExitStack() as resources:
        connector = aiohttp.TCPConnector(limit=0)
        http = await resources.enter_async_context(aiohttp.ClientSession(connector=connector))
        this = Run(scenario, folder, http, progress)
        resources.push_async_callback(this.abandon)
        await this.prepare()
        await this.go()
    with watched(this.installation.data) as connection:
        records = read_records(connection)
    sendings = [sending for cloud in this.clouds.values() for sending in cloud.sendings()]
    return this, CrashResult(records, sendings, this.installation, this.request_log, this.server.uptimes, this.problems)
