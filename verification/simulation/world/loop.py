"""An event loop in virtual time: it never blocks, and a seed decides which of the runnable steps runs next."""

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
MOST_STEPS = 400_000
"""More than the longest scenario needs."""


class Stuck(Exception):
    """Nothing is left that could ever run, or far too much has run."""


class Lifetime:
    """Lifetime of a process: everything that runs in its context ends with it, in the middle of an await."""

    def __init__(self) -> None:
        self.over = False
        self.numbered = False
        """Its steps are counted: it ends soon."""
        self._steps_left = 0
        self._end: Callable[[], None] = _nothing

    def end_after(self, steps: int, end: Callable[[], None]) -> None:
        """Call `end` once so many more steps have run."""
        if not self.numbered:
            self.numbered, self._steps_left, self._end = True, steps, end

    def spare(self) -> None:
        """What was to end it does not."""
        self.numbered = False

    def stepped(self) -> None:
        """One of its numbered steps ran."""
        if not self.over:
            self._steps_left -= 1
            if self._steps_left < 0:
                self._end()


LIFETIME: ContextVar[Lifetime | None] = ContextVar("life", default=None)
"""Whose steps these are; None: the world's."""


def context_of(lifetime: Lifetime) -> Context:
    """A context whose tasks and timers belong to `lifetime`."""
    context = Context()
    context.run(LIFETIME.set, lifetime)
    return context


class Step(list[Any]):
    """A callback that waits for its turn: how to run it, itself, its arguments, and its life; nothing once cancelled.

    What is needed of a `TimerHandle`, made without a call of Python's: a scenario makes hundreds of these.
    """

    __slots__ = ()

    def cancel(self) -> None:
        """Let go of whatever it holds."""
        self.clear()

    def cancelled(self) -> bool:
        return not self


def _nothing() -> None:
    """The end of a life for which none was set."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Timers fire in order of their time; among what is runnable at one time, `chance` chooses. None: first come."""

    _stopping: bool
    """asyncio's own: `stop` was called."""

    def __init__(self, chance: Random | None) -> None:
        super().__init__()
        self.defects: list[str] = []
        self.tasks: list[asyncio.Task[Any]] = []
        """All there ever were."""
        self._chance = chance
        self._virtual = 0.0
        self._steps = 0
        self._timers: list[tuple[float, int, Step]] = []
        self._runnable: list[Step] = []
        self._made = 0
        self.set_exception_handler(self._note_defect)

    def time(self) -> float:
        return self._virtual

    def skip(self, seconds: float) -> None:
        """The process was stopped for so long: every timer that came due meanwhile is late."""
        self._virtual += max(0.0, seconds)

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Any:
        if context is None:
            context = copy_context()
        step = Step((context.run, callback, args, context.get(LIFETIME)))
        self._runnable.append(step)
        return step

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        """There are no other threads."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        return self._set_timer(self._virtual + delay, callback, args, context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Any:
        return self._set_timer(when, callback, args, context)

    def _set_timer(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> Step:
        if context is None:
            context = copy_context()
        step = Step((context.run, callback, args, context.get(LIFETIME)))
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, step))
        return step

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """There is no factory to ask."""
        task = asyncio.Task(coro, loop=self, name=None if name is None else str(name), context=context)
        self.tasks.append(task)
        return task

    def _run_once(self) -> None:
        """What `run_forever` calls again and again until it is to stop: here, all steps until then."""
        runnable, chance = self._runnable, self._chance
        while not self._stopping:
            while not runnable:
                self._move_on()
            count = len(runnable)
            step = runnable.pop(0 if count == 1 or chance is None else int(chance.random() * count))
            if not step:
                continue
            run, callback, args, lifetime = step
            if lifetime is not None and lifetime.over:
                continue
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise Stuck(f"more than {MOST_STEPS} steps")
            try:
                run(callback, *args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self.call_exception_handler({"message": f"Exception in {callback}", "exception": error})
            if lifetime is not None and lifetime.numbered:
                lifetime.stepped()

    def _move_on(self) -> None:
        """The clock goes to the next timer; everything due then becomes runnable."""
        if not self._timers:
            raise Stuck("nothing is left to run")
        self._virtual = max(self._virtual, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._virtual:
            step = heapq.heappop(self._timers)[2]
            if step and not (step[-1] is not None and step[-1].over):
                self._runnable.append(step)

    def _note_defect(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A crash leaves tasks pending; everything else that reaches this place is a defect."""
        if "destroyed" not in context["message"]:
            self.defects.append(f"{context['message']}: {context.get('exception')!r}")


async def until(done: Callable[[], bool], within: float, every: float) -> bool:
    """Poll `done` every so many seconds; False when the time is up first."""
    for _ in range(int(within / every)):
        if done():
            return True
        await asyncio.sleep(every)
    return done()
