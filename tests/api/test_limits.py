import pytest

from keyturn.api.rate_limits import CAPACITY, FailedAttempts, Throttled, TokenBuckets
from keyturn.config.settings import LimitSettings, ServerSettings
from keyturn.errors import BlockedByPolicy, CommandNotFound, ConfirmationInvalid, Refusal, VinNotFound
from tests.support.api_env import ApiEnv, body, open_api, signed
from tests.support.clock import ManualClock

from .caller import Reply

LIMITS = LimitSettings(
    failed_attempts_per_minute=3, application_rate=2, application_burst=4, refusal_rate=2, refusal_burst=4
)


def test_a_window_trips_at_its_limit_and_frees_with_time() -> None:
    clock = ManualClock()
    attempts = FailedAttempts(2, clock)
    attempts.record("a")
    clock.advance(20)
    assert attempts.retry_after("a") == 0
    attempts.record("a")
    assert (attempts.retry_after("a"), attempts.retry_after("b"), attempts.retry_after("b", "a")) == (40, 0, 40)
    clock.advance(39.5)
    assert attempts.retry_after("a") == 1
    clock.advance(0.5)
    assert attempts.retry_after("a") == 0
    attempts.record("a")
    assert attempts.retry_after("a") == 20


def test_a_bucket_holds_a_burst_and_refills() -> None:
    clock = ManualClock()
    buckets = TokenBuckets(rate=2, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [None, None, None, Throttled(1, repeated=False)]
    assert buckets.take("a") == Throttled(1, repeated=True)
    assert buckets.take("b") is None
    clock.advance(0.5)
    assert [buckets.take("a") for _ in range(2)] == [None, Throttled(1, repeated=False)]
    clock.advance(1000)
    assert [buckets.take("a") for _ in range(4)][:3] == [None] * 3
    slow = TokenBuckets(rate=0.1, burst=1, clock=clock)
    assert [slow.take("a"), slow.take("a")] == [None, Throttled(10, repeated=False)]
    clock.advance(5)
    assert slow.take("a") == Throttled(5, repeated=True)


def test_a_rate_of_nothing_is_no_limit() -> None:
    buckets = TokenBuckets(rate=0, burst=0, clock=ManualClock())
    assert [buckets.take("a") for _ in range(100)] == [None] * 100


def test_the_memory_of_strangers_is_bounded_to_ten_thousand() -> None:
    attempts = FailedAttempts(1, ManualClock())
    attempts.record("victim")
    for stranger in range(9_999):
        attempts.record(f"stranger {stranger}")
    attempts.record("victim")
    attempts.record("one more")
    assert attempts.retry_after("stranger 0") == 0
    assert attempts.retry_after("victim") == 60
    assert attempts.retry_after("stranger 1") == 60


def test_a_key_that_tripped_is_not_forgotten_for_any_number_of_strangers() -> None:
    clock = ManualClock()
    attempts = FailedAttempts(2, clock)
    for key in ("victim", "victim", "counting"):
        attempts.record(key)
    for stranger in range(3 * CAPACITY):
        attempts.record(f"stranger {stranger}")
    assert attempts.retry_after("victim") == 60
    attempts.record("counting")
    assert attempts.retry_after("counting") == 0, "a count that had not tripped may be forgotten"


def test_what_tripped_long_ago_makes_place_first() -> None:
    clock = ManualClock()
    attempts = FailedAttempts(1, clock)
    for old in range(CAPACITY):
        attempts.record(f"old {old}")
    clock.advance(60)
    attempts.record("new")
    attempts.record("newer")
    assert (attempts.retry_after("new"), attempts.retry_after("newer")) == (60, 60)
    assert len(attempts._full) == CAPACITY


def post(env: ApiEnv, command: str = "diagnostics", token: str = "right", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return env.call("POST", "/vehicle-command", body(command), signed(command, token=token) | named)


def test_wrong_bearers_trip_for_failing_requests_only() -> None:
    with open_api(limits=LIMITS) as env:
        assert [post(env, token="wrong").status for _ in range(5)] == [401, 401, 401, 429, 429]
        reply = env.call.get("/vehicle-command/none", token="wrong")
        assert (reply.status, reply.json, reply.headers["retry-after"]) == (429, {"detail": "Too many requests."}, "60")
        assert "www-authenticate" not in reply.headers
        assert post(env).status == 200
        assert post(env, Authorization="").status == 401
        env.clock.advance(60)
        assert post(env, token="wrong").status == 401


def test_an_absent_bearer_or_signature_is_not_counted() -> None:
    with open_api(limits=LIMITS) as env:
        bare = {"Authorization": "Bearer right"}
        assert {env.call("POST", "/vehicle-command", body()).status for _ in range(5)} == {401}
        assert {env.call("POST", "/vehicle-command", body(), bare).status for _ in range(5)} == {403}
        assert post(env, token="wrong").status == 401
        assert post(env, X_Signature="0" * 64).status == 403


def test_wrong_signatures_trip_per_address_and_per_application() -> None:
    with open_api(ServerSettings(trusted_proxies=("127.0.0.1",)), LIMITS) as env:

        def wrong(address: str, token: str = "right") -> int:
            return post(env, token=token, X_Signature="0" * 64, X_Forwarded_For=address).status

        assert [wrong("192.0.2.1") for _ in range(4)] == [403, 403, 403, 429]
        assert wrong("192.0.2.1", "other") == 429
        assert wrong("192.0.2.2") == 429
        assert wrong("192.0.2.2", "other") == 403
        assert post(env, X_Forwarded_For="192.0.2.1").status == 200
        assert post(env, token="wrong", X_Forwarded_For="192.0.2.1").status == 401
        env.clock.advance(60)
        assert wrong("192.0.2.1") == 403


def test_ignition_attempts_are_not_written_down_while_tripped() -> None:
    with open_api(limits=LIMITS) as env:
        replies = [post(env, "disable_ignition", X_Signature="0" * 64) for _ in range(6)]
        assert [reply.status for reply in replies] == [403, 403, 403, 429, 429, 429]
        assert len(env.desk.refused) == 3


def test_row_7_limits_each_application() -> None:
    with open_api(limits=LIMITS) as env:
        assert [post(env).status for _ in range(5)] == [200] * 4 + [429]
        reply = post(env)
        assert (reply.status, reply.json, reply.headers["retry-after"]) == (429, {"detail": "Too many requests."}, "1")
        assert post(env, token="other").status == 200
        env.clock.advance(1)
        assert [post(env).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("command", ["enable_ignition", "cancel_start", "cancel_alert"])
def test_row_7_never_holds_a_restoring_command(command: str) -> None:
    with open_api(limits=LIMITS) as env:
        assert [post(env).status for _ in range(5)] == [200] * 4 + [429]
        assert {post(env, command).status for _ in range(5)} == {200}


@pytest.mark.parametrize("command", ["enable_ignition", "cancel_start", "cancel_alert"])
@pytest.mark.parametrize("refusal", [VinNotFound(), CommandNotFound(), BlockedByPolicy("vehicle is immobilised")])
def test_what_restores_nothing_because_it_is_refused_is_limited(command: str, refusal: Refusal) -> None:
    with open_api(limits=LIMITS) as env:
        env.desk.failure = refusal
        assert [post(env, command).status for _ in range(6)] == [refusal.http_status] * 4 + [429] * 2
        assert post(env, command).headers["retry-after"] == "1"
        assert len(env.desk.posted) == 7, "the desk counts each of them"
        env.desk.failure = None
        assert post(env, command).status == 200


def test_a_wrong_code_for_what_restores_hears_its_own_answer() -> None:
    with open_api(limits=LIMITS) as env:
        env.desk.failure = ConfirmationInvalid()
        assert {post(env, "enable_ignition").status for _ in range(8)} == {400}


def test_row_7_writes_down_the_first_of_a_row_of_refused_ignition_attempts() -> None:
    with open_api(limits=LIMITS) as env:
        assert [post(env, "disable_ignition").status for _ in range(7)] == [200] * 4 + [429] * 3
        assert [entry[3] for entry in env.desk.refused] == ["Too many requests."]


def test_get_is_not_held_by_the_rate() -> None:
    with open_api(limits=LIMITS) as env:
        path = "/vehicle-command/0198b2df-1d68-7000-8760-cf36f06d00b5"
        assert {env.call.get(path).status for _ in range(10)} == {200}
