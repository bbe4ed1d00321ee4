"""Sends one channel's messages at least once: retries with growing pauses for a day."""

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
    """Seconds to wait after this number of failed attempts: 5, 10, 20 ... 900."""
    return float(min(_FIRST_PAUSE * 2 ** min(failures - 1, 16), _LONGEST_PAUSE))


class Delivery:
    """Empties one channel's outbox. Pauses use the monotonic clock: an alert may be about the wall clock."""

    def __init__(self, store: Store, clock: Clock, channel: Channel, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._channel = channel
        self._metrics = metrics
        self._not_before: dict[int, float] = {}

    async def deliver_due(self) -> None:
        """Send every message that is due; new messages do not wait for those that failed."""
        while queued := await self._next():
            await self._deliver(queued)

    async def _next(self) -> QueuedMessage | None:
        now = self._clock.monotonic()
        waiting = await self._store.read(partial(outbox.due, channel=self._channel.name))
        return next((queued for queued in waiting if self._not_before.get(queued.seq, 0.0) <= now), None)

    async def _deliver(self, queued: QueuedMessage) -> None:
        try:
            await self._channel.send(queued)
        except NotDelivered as error:
            await self._failed(queued, str(error), error.reached)
        except Exception as error:
            log.exception("an alert channel failed", channel=self._channel.name)
            await self._failed(queued, f"the channel failed: {type(error).__name__}", ())
        else:
            # If this was not recorded, the message would be sent again at once.
            await retry_until_available(
                partial(self._store.write, partial(outbox.record_sent, queued=queued, channel=self._channel.name))
            )
            self._not_before.pop(queued.seq, None)
            self._metrics.count_alert(self._channel.name, "sent")

    async def _failed(self, queued: QueuedMessage, fault: str, reached: tuple[str, ...]) -> None:
        name = self._channel.name
        recipients = tuple(dict.fromkeys((*queued.reached, *reached)))
        note = partial(outbox.record_failure, queued=queued, channel=name, fault=fault, reached=recipients)
        given_up, failures = await retry_until_available(partial(self._store.write, note))
        self._metrics.count_alert(name, "failed")
        if given_up:
            self._not_before.pop(queued.seq, None)
            log.error("an alert was given up", channel=name, entry=queued.seq, kind=queued.message.kind, fault=fault)
        else:
            self._not_before[queued.seq] = self._clock.monotonic() + pause(failures)
            log.warning("an alert was not delivered", channel=name, entry=queued.seq, failures=failures, fault=fault)
