"""What has outlived its purpose is forgotten, and nothing a moment before."""

from keyturn.commands.execution import expiry
from tests.support.command_env import CommandEnv

TABLES = ("idempotency_key", "redeemed_code", "code_issue")


def left(env: CommandEnv) -> dict[str, int]:
    return {table: env.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def fill(env: CommandEnv) -> None:
    env.ask("location", idempotency_key="k")
    _, code = env.first_step("enable_ignition")
    env.ask("enable_ignition", code)
    env.first_step("disable_ignition")


def test_purge_keeps_everything_until_its_time(env: CommandEnv) -> None:
    fill(env)
    env.clock.advance(3599.999999)

    assert env.do(expiry.delete_expired) == 0
    assert left(env) == {"idempotency_key": 1, "redeemed_code": 1, "code_issue": 1}


def test_issues_are_forgotten_after_an_hour_keys_and_redeemed_codes_after_a_day(env: CommandEnv) -> None:
    fill(env)
    env.clock.advance(3600)
    assert env.do(expiry.delete_expired) == 1
    assert left(env) == {"idempotency_key": 1, "redeemed_code": 1, "code_issue": 0}
    env.clock.advance(86_400 - 3600 - 0.000001)
    assert env.do(expiry.delete_expired) == 0
    env.clock.advance(0.000001)

    assert env.do(expiry.delete_expired) == 2
    assert left(env) == {"idempotency_key": 0, "redeemed_code": 0, "code_issue": 0}


def test_a_thousand_rows_of_a_kind_at_a_time(env: CommandEnv) -> None:
    insert = "INSERT INTO code_issue (actor, vehicle_id, issued_at) VALUES ('a', 'v', 1)"
    env.do(lambda tx: [tx.run(insert) for _ in range(1001)])

    assert env.do(expiry.delete_expired) == 1000
    assert env.do(expiry.delete_expired) == 1
