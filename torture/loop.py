"""An event loop in virtual time: it never blocks, and a seed decides which of the runnable steps runs next."""

import asyncio
import heapq
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVarTuple

Ts = TypeVarTuple("Ts")
MOST_STEPS = 400_000
"""More than the longest scenario needs."""


class Stuck(Exception):
    """Nothing is left that could ever run, or far too much has run."""


class Life:
    """Everything that runs in its context ends with it, in the middle of an await and without a last word."""

    def __init__(self) -> None:
        self.over = False
        self._steps_left: int | None = None
        self._end: Callable[[], None] = lambda: None

    def end_after(self, steps: int, end: Callable[[], None]) -> None:
        """Call `end` once so many more steps have run."""
        if self._steps_left is None:
            self._steps_left, self._end = steps, end

    def spare(self) -> None:
        """What was to end it does not."""
        self._steps_left = None

    def stepped(self) -> None:
        """One step ran in this life."""
        if self._steps_left is not None and not self.over:
            self._steps_left -= 1
            if self._steps_left < 0:
                self._end()


LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
"""Whose steps these are; None: the world's."""


def context_of(life: Life) -> Context:
    """A context whose tasks and timers belong to `life`."""
    context = Context()
    context.run(LIFE.set, life)
    return context


class Step(asyncio.TimerHandle):
    """A callback that waits for its turn."""

    __slots__ = ("life",)

    def __init__(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], loop: "VirtualLoop", context: Context
    ) -> None:
        # What TimerHandle.__init__ sets, at a third of its price: a scenario makes hundreds of these.
        self._callback, self._args, self._loop, self._context = callback, args, loop, context
        self._when, self._cancelled, self._scheduled = when, False, False
        self._source_traceback = self._repr = None
        self.life = context.get(LIFE)

    def cancel(self) -> None:
        self._cancelled = True
        self._callback, self._args = _nothing, ()  # whatever they hold is let go of

    @property
    def dead(self) -> bool:
        return self._cancelled or (self.life is not None and self.life.over)


def _nothing() -> None:
    """What is left of a cancelled step."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Timers fire in order of their time; among what is runnable at one time, `chance` chooses. None: first come."""

    _stopping: bool
    """asyncio's own: `stop` was called."""

    def __init__(self, chance: Random | None) -> None:
        super().__init__()
        self.defects: list[str] = []
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
        """The process stood still for so long: every timer that came due meanwhile is late."""
        self._virtual += max(0.0, seconds)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        step = Step(self._virtual, callback, args, self, copy_context() if context is None else context)
        self._runnable.append(step)
        return step

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """There are no other threads."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._virtual + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        step = Step(when, callback, args, self, copy_context() if context is None else context)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, step))
        return step

    def _run_once(self) -> None:
        """What `run_forever` calls again and again until it is to stop: here, all steps until then."""
        runnable, chance = self._runnable, self._chance
        while not self._stopping:
            while not runnable:
                self._move_on()
            count = len(runnable)
            step = runnable.pop(0 if count == 1 or chance is None else int(chance.random() * count))
            life = step.life
            if step._cancelled or (life is not None and life.over):
                continue
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise Stuck(f"more than {MOST_STEPS} steps")
            self._take(step)
            if life is not None:
                life.stepped()

    def _take(self, step: Step) -> None:
        """As `Handle._run`."""
        try:
            step._context.run(step._callback, *step._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.call_exception_handler({"message": f"Exception in {step._callback}", "exception": error})

    def _move_on(self) -> None:
        """The clock goes to the next timer; everything due then becomes runnable."""
        if not self._timers:
            raise Stuck("nothing is left to run")
        self._virtual = max(self._virtual, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._virtual:
            step = heapq.heappop(self._timers)[2]
            if not step.dead:
                self._runnable.append(step)

    def _note_defect(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A crash leaves tasks pending; everything else that reaches this place is a defect."""
        if "destroyed" not in context["message"]:
            self.defects.append(f"{context['message']}: {context.get('exception')!r}")
