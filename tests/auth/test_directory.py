"""Credentials become tokens, tokens become principals, and both end when they should."""

from typing import Any, cast

import pytest

from keyturn.auth.keyring import Keyring
from keyturn.auth.tokens import CACHE_LIFE, CACHE_SIZE, Authenticator
from keyturn.store.port import Store
from tests.support.tenant_env import TOKEN_LIFE, TenantEnv


def authenticated(env: TenantEnv, token: str | None) -> str | None:
    """The application that a token names."""
    assert token is not None
    principal = env.wait(env.directory.authenticate(token))
    return None if principal is None else principal.application_id


def test_right_credentials_give_a_token_that_names_one_application_of_one_company(
    env: TenantEnv, application: dict[str, Any]
) -> None:
    token = env.token(application)
    assert token is not None
    principal = env.wait(env.directory.authenticate(token))

    assert principal is not None
    assert principal.application_id == application["id"]
    assert principal.company_id == application["company_id"]
    assert principal.grants == {"location", "start"}
    assert principal.sign_secrets == (application["sign_secret"].encode(),)
    assert application["sign_secret"] not in repr(principal)


def test_wrong_credentials_give_no_token(env: TenantEnv, application: dict[str, Any]) -> None:
    other = env.do("application add", company="Frota", name="other")
    wrong = [
        (application["client_id"], "x"),
        (application["client_id"], ""),
        ("nobody", application["client_secret"]),
        ("", ""),
        (application["client_id"], other["client_secret"]),
        (application["id"], application["client_secret"]),
    ]

    assert [pair for pair in wrong if env.wait(env.directory.token(*pair))] == []


def test_an_unknown_client_costs_the_same_queries_and_digests_as_a_wrong_secret(
    env: TenantEnv, application: dict[str, Any]
) -> None:
    counted = CountingKeyring(env)
    store = CountingStore(env)
    directory = Authenticator(cast("Store", store), counted, env.clock, TOKEN_LIFE)

    def cost(client_id: str) -> tuple[list[str], int]:
        store.queries.clear()
        counted.digests = 0
        assert env.wait(directory.token(client_id, "wrong")) is None
        return list(store.queries), counted.digests

    assert cost("nobody") == cost(application["client_id"])
    assert cost("nobody")[1] == 1


@pytest.mark.parametrize("noun", ["application", "company"])
def test_disabling_ends_tokens_within_the_cache_life_and_enabling_brings_them_back(
    env: TenantEnv, application: dict[str, Any], noun: str
) -> None:
    token = env.token(application)
    reference = {"application": "erp", "company": "Frota"}[noun]
    assert authenticated(env, token) == application["id"]

    env.do(f"{noun} set", **{noun: reference}, active=False)
    env.clock.advance(CACHE_LIFE)
    assert authenticated(env, token) is None
    assert env.token(application) is None

    env.do(f"{noun} set", **{noun: reference}, active=True)
    assert authenticated(env, token) == application["id"]
    assert env.token(application) is not None


def test_rotating_the_client_secret_ends_its_tokens(env: TenantEnv, application: dict[str, Any]) -> None:
    token = env.token(application)
    assert authenticated(env, token) == application["id"]

    rotated = env.do("application rotate-secret", application="erp")
    env.clock.advance(CACHE_LIFE)

    assert authenticated(env, token) is None
    assert env.token(application) is None
    assert authenticated(env, env.token(rotated)) == application["id"]


def test_a_token_is_believed_for_a_second_at_most(env: TenantEnv, application: dict[str, Any]) -> None:
    token = env.token(application)
    assert CACHE_LIFE <= 1.0
    assert authenticated(env, token) == application["id"]
    env.do("application set", application="erp", active=False)

    env.clock.advance(CACHE_LIFE / 2)
    assert authenticated(env, token) == application["id"]
    env.clock.advance(CACHE_LIFE / 2)
    assert authenticated(env, token) is None


def test_a_believed_token_still_dies_at_its_end(env: TenantEnv, application: dict[str, Any]) -> None:
    token = env.token(application)
    env.clock.advance(TOKEN_LIFE - CACHE_LIFE / 2)
    assert authenticated(env, token) == application["id"]

    env.clock.advance(CACHE_LIFE / 2)
    assert authenticated(env, token) is None


def test_a_believed_token_asks_neither_the_store_nor_the_keys(env: TenantEnv, application: dict[str, Any]) -> None:
    store = CountingStore(env)
    directory = Authenticator(cast("Store", store), env.keyring, env.clock, TOKEN_LIFE)
    token = env.token(application)
    assert token is not None

    first = env.wait(directory.authenticate(token))
    asked = len(store.queries)

    assert env.wait(directory.authenticate(token)) is first
    assert len(store.queries) == asked


def test_strange_tokens_cost_no_query_and_leave_nothing_behind(env: TenantEnv, application: dict[str, Any]) -> None:
    store = CountingStore(env)
    directory = Authenticator(cast("Store", store), env.keyring, env.clock, TOKEN_LIFE)

    for token in ("", "a.b.c", "é.é.é", "\udcff", f"{env.token(application)}x"):
        assert env.wait(directory.authenticate(token)) is None
    assert store.queries == []


def test_the_cache_is_bounded_and_forgets_the_oldest(env: TenantEnv, application: dict[str, Any]) -> None:
    store = CountingStore(env)
    directory = Authenticator(cast("Store", store), env.keyring, env.clock, TOKEN_LIFE)
    tokens = [env.keyring.issue_token(application["id"], 1, env.clock.now(), 60 + n) for n in range(CACHE_SIZE + 1)]

    async def all_of_them() -> None:
        for token in tokens:
            assert await directory.authenticate(token) is not None

    env.wait(all_of_them())
    store.queries.clear()

    env.wait(directory.authenticate(tokens[1]))
    assert store.queries == []
    env.wait(directory.authenticate(tokens[0]))
    assert store.queries != []


def test_both_sign_secrets_are_open_during_a_rotation(env: TenantEnv, application: dict[str, Any]) -> None:
    token = env.token(application)
    added = env.do("application rotate-secret", application="erp", sign=True)
    assert sign_secrets(env, token) == {application["sign_secret"], added["sign_secret"]}

    env.do("application rotate-secret", application="erp", retire=True)
    env.clock.advance(CACHE_LIFE)
    assert sign_secrets(env, token) == {added["sign_secret"]}


def test_an_application_without_sign_secrets_is_let_in_with_none(env: TenantEnv, application: dict[str, Any]) -> None:
    token = env.token(application)
    env.wait(env.store.write(lambda tx: tx.run("DELETE FROM sign_secret")))

    assert sign_secrets(env, token) == set()


def sign_secrets(env: TenantEnv, token: str | None) -> set[str]:
    assert token is not None
    principal = env.wait(env.directory.authenticate(token))
    assert principal is not None
    return {secret.decode() for secret in principal.sign_secrets}


class CountingKeyring(Keyring):
    """The environment's keys; counts the digests."""

    def __init__(self, env: TenantEnv) -> None:
        self._keyring = env.keyring
        self.digests = 0

    def digest(self, text: str) -> str:
        self.digests += 1
        return self._keyring.digest(text)


class CountingStore:
    """The environment's store; writes down the queries."""

    def __init__(self, env: TenantEnv) -> None:
        self._store = env.store
        self.queries: list[str] = []

    async def read(self, work: Any) -> Any:
        return await self._store.read(lambda tx: work(CountingTx(tx, self.queries)))

    async def write(self, work: Any) -> Any:
        return await self._store.write(work)

    async def close(self) -> None:
        await self._store.close()


class CountingTx:
    def __init__(self, tx: Any, queries: list[str]) -> None:
        self._tx = tx
        self._queries = queries

    @property
    def now(self) -> int:
        return int(self._tx.now)

    def one(self, sql: str, /, **params: object) -> Any:
        self._queries.append(sql)
        return self._tx.one(sql, **params)

    def all(self, sql: str, /, **params: object) -> Any:
        self._queries.append(sql)
        return self._tx.all(sql, **params)
