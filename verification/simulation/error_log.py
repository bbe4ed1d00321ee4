"""What the product logs as an error while a scenario runs, some expected lines aside."""

import sys
from typing import Self

import structlog
from structlog.typing import EventDict, WrappedLogger

_EXPECTED = ("store_unavailable", "a connector raised")
"""Errors that faults of the plan lead to."""
_ERROR = 40
"""The level."""


class Complaints:
    """While it is entered, errors go to `texts` and everything below them nowhere."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __enter__(self) -> Self:
        structlog.configure(
            processors=[self._keep],
            wrapper_class=structlog.make_filtering_bound_logger(_ERROR),
            cache_logger_on_first_use=False,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        structlog.reset_defaults()

    def _keep(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if not str(event["event"]).startswith(_EXPECTED):
            raised = event.get("exc_info")
            error = sys.exc_info()[1] if raised is True else raised
            self.texts.append(f"{event['event']}: {error!r} {event.get('task', '')}")
        raise structlog.DropEvent
