"""``python -m benchmarks.send_gap``: from the last comparison of `send_by` to the bytes being handed to the kernel."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import aiohttp
from aiohttp import web
from aiohttp.http_writer import StreamWriter

from benchmarks.load import quantile
from keyturn.clock import SystemClock, after
from keyturn.connectors.oem_http.http.write_once import OncePayload, WriteOnceGuard
from keyturn.connectors.toolkit import Deadline

SENDINGS = 2_000


def main() -> None:
    """Print the quantiles."""
    gaps = sorted(asyncio.run(_gaps()))
    shown = ", ".join(f"p{share * 100:g} {quantile(gaps, share) * 1e3:.0f} us" for share in (0.5, 0.99))
    print(f"{len(gaps)} sendings: {shown}, at most {gaps[-1] * 1e6:.0f} us")


async def _gaps() -> list[float]:
    gaps: list[float] = []
    async with aiohttp.ClientSession() as session:
        runner, url = await _start_oem()
        with _timed(gaps):
            for _ in range(SENDINGS):
                await _send(session, url)
        await runner.cleanup()
    return gaps


@contextmanager
def _timed(gaps: list[float]) -> Iterator[None]:
    entered: list[float] = []
    permit = WriteOnceGuard.permit

    def permitting(guard: WriteOnceGuard, *arguments: Any) -> None:
        permit(guard, *arguments)
        entered.append(time.perf_counter())

    def writing(write: Callable[..., Any]) -> Callable[..., Any]:
        def written(*arguments: Any) -> None:
            write(*arguments)
            if entered:
                gaps.append(time.perf_counter() - entered.pop())

        return written

    with (
        patch.object(WriteOnceGuard, "permit", permitting),
        patch.object(StreamWriter, "_write", writing(StreamWriter._write)),
        patch.object(StreamWriter, "_writelines", writing(StreamWriter._writelines)),
    ):
        yield


async def _start_oem() -> tuple[web.AppRunner, str]:
    async def taken(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", taken)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"


async def _send(session: aiohttp.ClientSession, url: str) -> None:
    clock = SystemClock()
    guard = WriteOnceGuard(Deadline(clock, clock.boottime() + 5, after(clock.now(), 5)))
    async with asyncio.timeout(5) as limit:
        payload = OncePayload(b'{"client_ref": "0197"}', guard, limit, 5.0)
        async with session.post(url, data=payload) as answer:
            await answer.read()


if __name__ == "__main__":
    main()
