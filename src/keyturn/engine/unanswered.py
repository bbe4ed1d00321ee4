"""Counts and stores OEM exchanges that gave no usable answer: state reads, and status questions about commands."""

from collections.abc import Callable
from functools import partial

from keyturn.clock import Clock
from keyturn.commands.model import unanswered
from keyturn.connectors.responses import LoggedRequest, OemResponse, OutcomeKind
from keyturn.store.port import Store, StoreUnavailable

CountUnanswered = Callable[[str, str, str], None]
"""Is called with (connector, ``state`` or ``question``, ``2xx`` to ``5xx`` or ``none``) for every such exchange."""
_AT_MOST_EVERY = 10.0
"""Seconds between two writes about a command whose questions end in the same way."""


class UnansweredLog:
    """Stores the newest such exchange of each vehicle and command."""

    def __init__(self, store: Store, clock: Clock, count: CountUnanswered) -> None:
        self.store = store
        self.clock = clock
        self._count = count

    async def unread(self, connector: str, vehicle_id: str, exchange: LoggedRequest) -> None:
        """A read of the vehicle's state gave nothing. Raises `StoreUnavailable`."""
        self.count(connector, "state", exchange)
        await self.store.write(partial(unanswered.save_failed_read, vehicle_id=vehicle_id, exchange=exchange))

    async def of_command(self, connector: str, command_id: str) -> "QuestionLog":
        """The log of the questions about one command. Raises `StoreUnavailable`."""
        stored = await self.store.read(partial(unanswered.load_question, command_id=command_id))
        return QuestionLog(self, connector, command_id, stored)

    def count(self, connector: str, about: str, exchange: LoggedRequest) -> None:
        status = "none" if exchange.status is None else f"{exchange.status // 100}xx"
        self._count(connector, about, status)


class QuestionLog:
    """The newest question about one command that gave no answer."""

    def __init__(self, log: UnansweredLog, connector: str, command_id: str, stored: LoggedRequest | None) -> None:
        self._log = log
        self._connector = connector
        self._command_id = command_id
        self._stored = stored
        self._stored_at = float("-inf")

    async def note(self, answer: OemResponse) -> None:
        """A question was asked. While the store is unavailable nothing is stored; the next question is."""
        is_unanswered = answer.kind is OutcomeKind.NOTHING_FOUND
        exchange = answer.exchange if is_unanswered else None
        if is_unanswered and exchange is None:
            return
        if exchange is not None:
            self._log.count(self._connector, "question", exchange)
        if not self._is_new(exchange):
            return
        keep = partial(unanswered.save_question, command_id=self._command_id, exchange=exchange)
        try:
            await self._log.store.write(keep)
        except StoreUnavailable:
            return
        self._stored, self._stored_at = exchange, self._log.clock.monotonic()

    def _is_new(self, exchange: LoggedRequest | None) -> bool:
        if exchange is None or self._stored is None:
            return exchange is not self._stored
        same = (exchange.status, exchange.problem) == (self._stored.status, self._stored.problem)
        return not same or self._log.clock.monotonic() >= self._stored_at + _AT_MOST_EVERY
