import asyncio
import contextlib

from keyturn.telemetry.metrics import Metrics, measure_loop_lag


def test_what_the_engine_counts_is_rendered() -> None:
    metrics = Metrics()
    metrics.count_final("start", "Executed")
    metrics.count_final("start", "Executed")
    metrics.set_open("Queued", 3)
    metrics.observe_batch(17)
    metrics.observe_lag(0.003)
    metrics.observe_request("/token", 200, 0.002)
    lines = metrics.render().decode().splitlines()
    for line in (
        'keyturn_commands_final_total{command="start",state="Executed"} 2.0',
        'keyturn_commands_open{state="Queued"} 3.0',
        'keyturn_store_batch_units_bucket{le="32.0"} 1.0',
        'keyturn_store_batch_units_bucket{le="16.0"} 0.0',
        'keyturn_event_loop_lag_seconds_bucket{le="0.005"} 1.0',
        'keyturn_http_requests_total{code="200",route="/token"} 1.0',
        'keyturn_http_request_seconds_bucket{le="0.0025",route="/token"} 1.0',
    ):
        assert line in lines


def test_two_registries_do_not_share_anything() -> None:
    first, second = Metrics(), Metrics()
    first.observe_request("/token", 200, 0.0)
    assert "/token" not in second.render().decode()


def test_the_lag_of_the_loop_is_observed() -> None:
    async def two_measurements() -> list[float]:
        seen: list[float] = []
        enough = asyncio.Event()

        def observe(lag: float) -> None:
            seen.append(lag)
            if len(seen) == 2:
                enough.set()

        watch = asyncio.create_task(measure_loop_lag(observe))
        await asyncio.wait_for(enough.wait(), 10)
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        return seen

    assert all(lag >= 0 for lag in asyncio.run(two_measurements()))
