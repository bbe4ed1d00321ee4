"""Which signatures an application's requests may carry."""

from typing import Any

import pytest

from keyturn.auth.principal import Principal, Signing
from keyturn.auth.tokens import CACHE_LIFE
from keyturn.tenants.applications import relaxes_signing
from tests.support.tenant_env import TenantEnv


def principal(env: TenantEnv, token: str) -> Principal:
    found = env.wait(env.directory.authenticate(token))
    assert found is not None
    return found


def test_any_signature_will_do_unless_told_otherwise(env: TenantEnv, application: dict[str, Any]) -> None:
    token = env.token(application)
    assert token is not None
    assert application["signing"] == "any"
    assert (principal(env, token).signing, principal(env, token).client_id) == ("any", application["client_id"])


def test_a_change_is_shown_and_is_in_force_within_a_second(env: TenantEnv, application: dict[str, Any]) -> None:
    token = env.token(application)
    assert token is not None
    assert principal(env, token).signing == "any"
    assert env.do("application set", application="erp", signing="v2")["signing"] == "v2"
    env.clock.advance(CACHE_LIFE)
    assert principal(env, token).signing == "v2"
    assert env.do("application set", application="erp", active=True)["signing"] == "v2"
    env.do("application set", application="erp", signing="any")
    env.clock.advance(CACHE_LIFE)
    assert principal(env, token).signing == "any"


def test_no_other_way_of_signing_can_be_asked_for(env: TenantEnv, application: dict[str, Any]) -> None:
    env.refused("application set", application="erp", signing="v1")
    assert env.do("application show", application="erp")["signing"] == application["signing"]


@pytest.mark.parametrize(
    ("before", "after", "relaxes"),
    [("v2", "any", True), ("any", "v2", False), ("any", "any", False), ("v2", "v2", False)],
)
def test_only_going_back_to_any_relaxes(before: Signing, after: Signing, relaxes: bool) -> None:
    assert relaxes_signing(before, after) is relaxes
