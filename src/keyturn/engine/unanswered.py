"""Exchanges with an OEM that brought nothing are kept, the newest of each kind, and counted."""

from collections.abc import Callable
from functools import partial

from keyturn.clock import Clock
from keyturn.commands.model import unanswered
from keyturn.connectors.responses import LoggedRequest, OemResponse, OutcomeKind
from keyturn.store.port import Store, StoreUnavailable

CountUnanswered = Callable[[str, str, str], None]
"""Hears (connector, ``state`` or ``question``, ``2xx`` to ``5xx`` or ``none``) of every such exchange."""
_AT_MOST_EVERY = 10.0
"""Seconds between two writes about a command whose questions end the same way again and again."""


class UnansweredLog:
    """`of_command` gives what follows the questions about one command."""

    def __init__(self, store: Store, clock: Clock, count: CountUnanswered) -> None:
        self.store = store
        self.clock = clock
        self._count = count

    async def unread(self, connector: str, vehicle_id: str, exchange: LoggedRequest) -> None:
        """A read of the vehicle's state brought nothing. Raises `StoreUnavailable`."""
        self.count(connector, "state", exchange)
        await self.store.write(partial(unanswered.save_failed_read, vehicle_id=vehicle_id, exchange=exchange))

    async def of_command(self, connector: str, command_id: str) -> "Questions":
        kept = await self.store.read(partial(unanswered.load_question, command_id=command_id))
        return Questions(self, connector, command_id, kept)

    def count(self, connector: str, about: str, exchange: LoggedRequest) -> None:
        status = "none" if exchange.status is None else f"{exchange.status // 100}xx"
        self._count(connector, about, status)


class Questions:
    """What the questions about one command brought."""

    def __init__(self, silences_: UnansweredLog, connector: str, command_id: str, kept: LoggedRequest | None) -> None:
        self._silences = silences_
        self._connector = connector
        self._command_id = command_id
        self._kept = kept
        self._kept_at = float("-inf")

    async def note(self, answer: OemResponse) -> None:
        """A question was asked. What cannot be kept now will be with the next one."""
        brought_nothing = answer.kind is OutcomeKind.NOTHING_FOUND
        exchange = answer.exchange if brought_nothing else None
        if brought_nothing and exchange is None:
            return
        if exchange is not None:
            self._silences.count(self._connector, "question", exchange)
        if not self._is_news(exchange):
            return
        keep = partial(unanswered.save_question, command_id=self._command_id, exchange=exchange)
        try:
            await self._silences.store.write(keep)
        except StoreUnavailable:
            return
        self._kept, self._kept_at = exchange, self._silences.clock.monotonic()

    def _is_news(self, exchange: LoggedRequest | None) -> bool:
        if exchange is None or self._kept is None:
            return exchange is not self._kept
        same = (exchange.status, exchange.problem) == (self._kept.status, self._kept.problem)
        return not same or self._silences.clock.monotonic() >= self._kept_at + _AT_MOST_EVERY
