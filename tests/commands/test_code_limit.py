"""At most ten `disable_ignition` codes an hour for one actor and vehicle."""

import pytest

from .installation import VIN
from .yard import Yard


def issue(yard: Yard, times: int, every: float = 0.0, **fields: str) -> None:
    for _ in range(times):
        yard.first_step("disable_ignition", **fields)
        yard.clock.advance(every)


def test_the_eleventh_is_refused(yard: Yard) -> None:
    issue(yard, 10)

    refusal = yard.refused("disable_ignition")

    assert (refusal.http_status, refusal.detail, refusal.retry_after) == (429, "Too many requests.", 3600)


@pytest.mark.parametrize(("waited", "seconds"), [(0.5, 3600), (1.0, 3599), (3599.0, 1), (3599.9, 1)])
def test_it_says_how_many_seconds_until_another(yard: Yard, waited: float, seconds: int) -> None:
    issue(yard, 10)
    yard.clock.advance(waited)

    assert yard.refused("disable_ignition").retry_after == seconds


def test_then_another_is_issued_and_the_window_slides(yard: Yard) -> None:
    issue(yard, 10, every=60.0)
    yard.clock.advance(3000)

    issue(yard, 1)

    assert yard.refused("disable_ignition").retry_after == 60


def test_a_refused_one_does_not_count(yard: Yard) -> None:
    issue(yard, 10)
    for _ in range(5):
        yard.refused("disable_ignition")
    yard.clock.advance(3600)

    issue(yard, 10)


def test_a_replay_of_a_key_counts(yard: Yard) -> None:
    issue(yard, 5)
    issue(yard, 5, idempotency_key="k")

    assert yard.refused("disable_ignition", idempotency_key="k").http_status == 429


def test_other_actors_have_their_own(yard: Yard) -> None:
    issue(yard, 10)

    issue(yard, 1, application_id=yard.names.colleague)


def test_enabling_is_neither_limited_nor_counted(yard: Yard) -> None:
    for _ in range(10):
        yard.first_step("enable_ignition")
    issue(yard, 10)

    yard.first_step("enable_ignition")


def test_it_comes_after_the_policy(yard: Yard) -> None:
    issue(yard, 10)
    yard.administer("vehicle set", vehicle=VIN, consent=None)

    assert yard.refused("disable_ignition").http_status == 403


def test_a_code_can_still_be_redeemed(yard: Yard) -> None:
    issue(yard, 9)
    _, code = yard.first_step("disable_ignition")

    assert yard.ask("disable_ignition", code).refusal is None
