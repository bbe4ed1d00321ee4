"""A pause that can be cut short."""

import asyncio


class Pause:
    """Sleeps for one task. A cut that comes while it does not sleep ends the next sleep at once."""

    def __init__(self) -> None:
        self._cut = False
        self._sleeping: asyncio.Future[None] | None = None

    async def sleep(self, seconds: float) -> None:
        """Sleep until `seconds` have passed or somebody calls `cut`."""
        if self._cut:
            self._cut = False
            return
        loop = asyncio.get_running_loop()
        self._sleeping = loop.create_future()
        timer = loop.call_later(seconds, _end, self._sleeping)
        try:
            await self._sleeping
        finally:
            timer.cancel()
            self._sleeping = None

    def cut(self) -> None:
        """End the sleep that is under way, or the next one."""
        if self._sleeping is None:
            self._cut = True
        else:
            _end(self._sleeping)


def _end(sleeping: "asyncio.Future[None]") -> None:
    if not sleeping.done():
        sleeping.set_result(None)
