"""Secrets that a guarded operation makes: fetched once, by whoever proposed it; until then the old ones are good."""

import asyncio
import json
from typing import Any

import pytest

from keyturn.errors import OperationError
from keyturn.operations import OPERATIONS, perform
from tests.support.tenant_env import INSTALLATION, TenantEnv
from tests.tenants.staff import DAY, NOTICE, Staff

from .changing import staff as staff
from .changing import two as two

SECRETS = ("client_secret", "sign_secret", "code")
MAKES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("application rotate-secret", {"application": "shop"}, ("client_secret",)),
    ("application rotate-secret", {"application": "shop", "sign": True}, ("sign_secret",)),
    ("application add", {"company": "Frota", "name": "new", "grants": ["start"]}, ("client_secret", "sign_secret")),
    ("operator add", {"name": "new", "email": "n@b.c", "role": "approver"}, ("code",)),
    ("operator set-password", {"person": "bia"}, ("code",)),
    ("operator reset-totp", {"person": "bia"}, ("code",)),
]


@pytest.fixture
def shop(staff: Staff, env: TenantEnv) -> dict[str, Any]:
    """An application of before anybody was in charge, with its secrets."""
    return env.do("application add", company="Frota", name="shop", grants=["start"])


@pytest.fixture
def trio(shop: dict[str, Any], staff: Staff) -> Staff:
    """ana, bia and caio are in charge."""
    staff.settle("ana", "bia", "caio")
    return staff


def applied(trio: Staff, name: str, /, **arguments: Any) -> str:
    """Id of the change, which ana proposed."""
    change = trio.do(name, "ana", **arguments)
    trio.do("change approve", "caio", change=change["change"])
    trio.wait(NOTICE)
    shown = trio.do("change show", "caio", change=change["change"])
    assert (shown["state"], shown["problem"]) == ("applied", None)
    return str(change["change"])


@pytest.mark.parametrize(("name", "arguments", "secrets"), MAKES)
def test_a_secret_is_fetched_once_by_whoever_proposed_it(
    trio: Staff, env: TenantEnv, name: str, arguments: dict[str, Any], secrets: tuple[str, ...]
) -> None:
    change = applied(trio, name, **arguments)
    shown = trio.do("change show", "caio", change=change)
    assert shown["collect_by"] is not None
    assert not set(SECRETS) & shown.keys()

    assert trio.refused("change collect", change=change) == "sign_in_required"
    assert trio.refused("change collect", "ana", factor=False, change=change) == "sign_in_required"
    assert trio.refused("change collect", "caio", change=change) == "nothing_to_collect"
    told = trio.do("change collect", "ana", change=change)
    assert tuple(each for each in SECRETS if each in told) == secrets
    assert trio.kinds().count("change.collected") == 1
    assert trio.refused("change collect", "ana", change=change) == "collected"
    assert not any(env.files_hold(told[each]) for each in secrets)
    assert not any(told[each] in json.dumps(trio.do("change show", "ana", change=change)) for each in secrets)


@pytest.mark.parametrize(("name", "arguments", "_secrets"), MAKES)
def test_what_is_not_fetched_within_a_day_is_never_made(
    trio: Staff, env: TenantEnv, name: str, arguments: dict[str, Any], _secrets: tuple[str, ...]
) -> None:
    change = applied(trio, name, **arguments)
    env.clock.advance(DAY)
    assert trio.refused("change collect", "ana", change=change) == "too_late"


def test_the_old_client_secret_is_good_until_the_new_one_is_fetched(
    trio: Staff, env: TenantEnv, shop: dict[str, Any]
) -> None:
    change = applied(trio, "application rotate-secret", application="shop")
    assert env.token(shop) is not None
    told = trio.do("change collect", "ana", change=change)
    assert env.token(shop) is None
    assert env.token(told) is not None


def test_an_added_application_is_nobody_until_its_secrets_are_fetched(trio: Staff, env: TenantEnv) -> None:
    change = applied(trio, "application add", company="Frota", name="new", grants=["start"])
    added = env.do("application show", application="new")
    assert (added["sign_secrets"], added["created_by"]) == (0, trio.id("ana"))
    assert env.token(added | {"client_secret": ""}) is None
    told = trio.do("change collect", "ana", change=change)
    assert env.token(told) is not None
    assert env.do("application show", application="new")["sign_secrets"] == 1


def test_retiring_a_sign_secret_makes_none_and_leaves_nothing_to_fetch(trio: Staff, env: TenantEnv) -> None:
    trio.do("change collect", "ana", change=applied(trio, "application rotate-secret", application="shop", sign=True))
    change = applied(trio, "application rotate-secret", application="shop", retire=True)
    assert env.do("application show", application="shop")["sign_secrets"] == 1
    assert trio.refused("change collect", "ana", change=change) == "nothing_to_collect"


def test_secret_fetched_by_two_sessions_at_once_goes_to_one(trio: Staff, env: TenantEnv) -> None:
    change = applied(trio, "application rotate-secret", application="shop")
    ana = trio.operator("ana")

    async def together() -> list[dict[str, Any] | BaseException]:
        order = ("change collect", {"change": change}, "operator:local", OPERATIONS, ana)
        fetch = [env.store.write(lambda tx: perform(tx, env.keyring, INSTALLATION, *order)) for _session in range(2)]
        return await asyncio.gather(*fetch, return_exceptions=True)

    came = env.wait(together())
    assert sum(isinstance(each, dict) and "client_secret" in each for each in came) == 1
    assert sum(isinstance(each, OperationError) and each.code == "collected" for each in came) == 1


def test_what_waits_to_be_fetched_keeps_its_name(trio: Staff) -> None:
    change = applied(trio, "application rotate-secret", application="shop")
    assert trio.refused("application set", "ana", application="shop", name="other") == "named_by_change"
    trio.do("change collect", "ana", change=change)
    assert trio.do("application set", "ana", application="shop", name="other")["name"] == "other"


def test_former_admin_collects_nothing(trio: Staff) -> None:
    change = applied(trio, "application rotate-secret", application="shop")
    trio.do("operator set", "caio", person="ana", role="viewer")
    assert trio.refused("change collect", "ana", change=change) == "role_required"


def test_a_stolen_password_without_the_second_factor_rotates_nothing(trio: Staff, shop: dict[str, Any]) -> None:
    for flags in ({}, {"sign": True}, {"retire": True}):
        given: dict[str, Any] = {"application": "shop", **flags}
        assert trio.refused("application rotate-secret", **given) == "sign_in_required"
        assert trio.refused("application rotate-secret", "ana", factor=False, **given) == "sign_in_required"
    assert trio.env.token(shop) is not None


def test_the_entry_of_the_change_says_until_when_its_secret_is_fetched(trio: Staff, env: TenantEnv) -> None:
    change = applied(trio, "application rotate-secret", application="shop")

    shown = trio.do("change show", "caio", change=change)
    ((body,),) = env.rows("SELECT body FROM entry WHERE kind = 'change.applied' ORDER BY seq DESC LIMIT 1")
    assert json.loads(body)["collect_by"] == shown["collect_by"] is not None
