"""Whether the process lives, whether it can work, and what it counts."""

from keyturn.api.ports import Health
from keyturn.api.request import Request
from keyturn.api.responses import Answer, json_answer
from keyturn.telemetry.metrics import CONTENT_TYPE, Metrics


async def healthz(_request: Request) -> Answer:
    """200 while the process serves at all."""
    return json_answer(200, {"status": "ok"})


class Ready:
    """200 while this node can do its work, else 503 with its problems by name."""

    def __init__(self, readiness: Health) -> None:
        self._readiness = readiness

    async def get(self, _request: Request) -> Answer:
        problems = self._readiness.ready()
        if problems:
            return json_answer(503, {"detail": "Not ready.", "problems": problems})
        return json_answer(200, {"status": "ready"})


class Exposition:
    """The metrics in Prometheus' text format."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def get(self, _request: Request) -> Answer:
        return Answer(200, self._metrics.render(), CONTENT_TYPE.encode())
