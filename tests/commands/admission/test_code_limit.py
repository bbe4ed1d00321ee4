"""At most ten `disable_ignition` codes an hour for one actor and vehicle."""

import pytest

from tests.support.command_env import CommandEnv
from tests.support.enrolment import VIN


def issue(env: CommandEnv, times: int, every: float = 0.0, **fields: str) -> None:
    for _ in range(times):
        env.first_step("disable_ignition", **fields)
        env.clock.advance(every)


def test_eleventh_code_in_an_hour_is_refused(env: CommandEnv) -> None:
    issue(env, 10)

    refusal = env.refused("disable_ignition")

    assert (refusal.http_status, refusal.detail, refusal.retry_after) == (429, "Too many requests.", 3600)


@pytest.mark.parametrize(("waited", "seconds"), [(0.5, 3600), (1.0, 3599), (3599.0, 1), (3599.9, 1)])
def test_code_limit_says_how_many_seconds_until_another_code(env: CommandEnv, waited: float, seconds: int) -> None:
    issue(env, 10)
    env.clock.advance(waited)

    assert env.refused("disable_ignition").retry_after == seconds


def test_then_another_is_issued_and_the_window_slides(env: CommandEnv) -> None:
    issue(env, 10, every=60.0)
    env.clock.advance(3000)

    issue(env, 1)

    assert env.refused("disable_ignition").retry_after == 60


def test_a_refused_one_does_not_count(env: CommandEnv) -> None:
    issue(env, 10)
    for _ in range(5):
        env.refused("disable_ignition")
    env.clock.advance(3600)

    issue(env, 10)


def test_a_replay_of_a_key_counts(env: CommandEnv) -> None:
    issue(env, 5)
    issue(env, 5, idempotency_key="k")

    assert env.refused("disable_ignition", idempotency_key="k").http_status == 429


def test_code_limit_is_counted_for_each_actor(env: CommandEnv) -> None:
    issue(env, 10)

    issue(env, 1, application_id=env.names.colleague)


def test_enabling_is_neither_limited_nor_counted(env: CommandEnv) -> None:
    for _ in range(10):
        env.first_step("enable_ignition")
    issue(env, 10)

    env.first_step("enable_ignition")


def test_code_limit_is_checked_after_the_policy(env: CommandEnv) -> None:
    issue(env, 10)
    env.administer("vehicle set", vehicle=VIN, consent=None)

    assert env.refused("disable_ignition").http_status == 403


def test_a_code_can_still_be_redeemed(env: CommandEnv) -> None:
    issue(env, 9)
    _, code = env.first_step("disable_ignition")

    assert env.ask("disable_ignition", code).refusal is None
