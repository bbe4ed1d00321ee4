"""A credential that the OEM replaced goes back into its account, sealed, and never over one that somebody gave."""

import asyncio

from keyturn.auth.keyring import Keyring
from keyturn.store.port import ReadTx, Store
from keyturn.tenants.accounts import AccountCredentialKeeper, open_account
from tests.support.tenant_env import TenantEnv


def credentials(env: TenantEnv, account_id: str) -> dict[str, str]:
    def opened(tx: ReadTx) -> dict[str, str]:
        found = open_account(tx, env.keyring, account_id)
        assert found is not None
        return found[1].credentials

    return env.wait(env.store.read(opened))


def keep(env: TenantEnv, account_id: str, value: str, *replaces: str) -> None:
    async def kept() -> None:
        opened: asyncio.Future[tuple[Store, Keyring]] = asyncio.get_running_loop().create_future()
        opened.set_result((env.store, env.keyring))
        await AccountCredentialKeeper(opened).keep(account_id, "refresh_token", value, set(replaces))

    env.wait(kept())


def enrolled(env: TenantEnv) -> str:
    env.do("company add", name="Frota")
    given = {"client_id": "id", "refresh_token": "first-refresh"}
    return str(env.do("account add", company="Frota", connector="acme", name="main", credentials=given)["id"])


def test_the_newest_takes_the_place_of_one_that_was_used(env: TenantEnv) -> None:
    account_id = enrolled(env)
    keep(env, account_id, "second-refresh", "first-refresh")
    keep(env, account_id, "fourth-refresh", "first-refresh", "second-refresh", "third-refresh")
    assert credentials(env, account_id) == {"client_id": "id", "refresh_token": "fourth-refresh"}
    assert not env.files_hold("fourth-refresh")


def test_credential_that_somebody_gave_meanwhile_stays(env: TenantEnv) -> None:
    account_id = enrolled(env)
    env.do("account set", account="main", company="Frota", credentials={"refresh_token": "given"})
    keep(env, account_id, "second-refresh", "first-refresh")
    assert credentials(env, account_id) == {"refresh_token": "given"}


def test_an_account_that_is_gone_is_let_be(env: TenantEnv) -> None:
    account_id = enrolled(env)
    env.do("account set", account="main", company="Frota", active=False)
    keep(env, account_id, "second-refresh", "first-refresh")
    env.do("account set", account="main", company="Frota", active=True)
    assert credentials(env, account_id)["refresh_token"] == "first-refresh"
