"""One channel's messages, sent at least once: again and again with pauses that grow, for a day."""

from functools import partial

import structlog

from keyturn.alerts import outbox
from keyturn.alerts.message import Channel, NotDelivered, QueuedMessage
from keyturn.clock import Clock
from keyturn.store.background import retry_until_available
from keyturn.store.port import Store
from keyturn.telemetry.metrics import Metrics

log = structlog.get_logger()
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 900.0


def pause(failures: int) -> float:
    """Seconds to wait after so many failed attempts: 5, 10, 20 ... 900."""
    return float(min(_FIRST_PAUSE * 2 ** min(failures - 1, 16), _LONGEST_PAUSE))


class Delivery:
    """Empties one channel's outbox. Pauses are on the monotonic clock: a wall clock set back is itself an alert."""

    def __init__(self, store: Store, clock: Clock, channel: Channel, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._channel = channel
        self._metrics = metrics
        self._not_before: dict[int, float] = {}

    async def deliver_due(self) -> None:
        """Try every message that can go now; one that comes meanwhile does not wait behind those that failed."""
        while letter := await self._next():
            await self._deliver(letter)

    async def _next(self) -> QueuedMessage | None:
        now = self._clock.monotonic()
        letters = await self._store.read(partial(outbox.due, channel=self._channel.name))
        return next((letter for letter in letters if self._not_before.get(letter.seq, 0.0) <= now), None)

    async def _deliver(self, letter: QueuedMessage) -> None:
        try:
            await self._channel.send(letter)
        except NotDelivered as error:
            await self._failed(letter, str(error), error.reached)
        except Exception as error:
            log.exception("an alert channel failed", channel=self._channel.name)
            await self._failed(letter, f"the channel failed: {type(error).__name__}", ())
        else:
            # Without the store's word it would go out again at once.
            await retry_until_available(
                partial(self._store.write, partial(outbox.record_sent, letter=letter, channel=self._channel.name))
            )
            self._not_before.pop(letter.seq, None)
            self._metrics.count_alert(self._channel.name, "sent")

    async def _failed(self, letter: QueuedMessage, fault: str, reached: tuple[str, ...]) -> None:
        name = self._channel.name
        everybody = tuple(dict.fromkeys((*letter.reached, *reached)))
        note = partial(outbox.record_failure, letter=letter, channel=name, fault=fault, reached=everybody)
        given_up, failures = await retry_until_available(partial(self._store.write, note))
        self._metrics.count_alert(name, "failed")
        if given_up:
            self._not_before.pop(letter.seq, None)
            log.error("an alert was given up", channel=name, entry=letter.seq, kind=letter.message.kind, fault=fault)
        else:
            self._not_before[letter.seq] = self._clock.monotonic() + pause(failures)
            log.warning("an alert was not delivered", channel=name, entry=letter.seq, failures=failures, fault=fault)
