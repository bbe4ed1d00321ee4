"""A credential that the OEM replaced goes back into its account, sealed, and never over one that somebody gave."""

import asyncio

from keyturn.store.port import ReadTx, Store
from keyturn.tenants.accounts import KeptCredentials, open_account
from keyturn.tenants.keyring import Keyring

from .conftest import Office


def credentials(office: Office, account_id: str) -> dict[str, str]:
    def opened(tx: ReadTx) -> dict[str, str]:
        found = open_account(tx, office.keyring, account_id)
        assert found is not None
        return found[1].credentials

    return office.wait(office.store.read(opened))


def keep(office: Office, account_id: str, value: str, *replaces: str) -> None:
    async def kept() -> None:
        opened: asyncio.Future[tuple[Store, Keyring]] = asyncio.get_running_loop().create_future()
        opened.set_result((office.store, office.keyring))
        await KeptCredentials(opened).keep(account_id, "refresh_token", value, set(replaces))

    office.wait(kept())


def enrolled(office: Office) -> str:
    office.do("company add", name="Frota")
    given = {"client_id": "id", "refresh_token": "first-refresh"}
    return str(office.do("account add", company="Frota", connector="acme", name="main", credentials=given)["id"])


def test_the_newest_takes_the_place_of_one_that_was_used(office: Office) -> None:
    account_id = enrolled(office)
    keep(office, account_id, "second-refresh", "first-refresh")
    keep(office, account_id, "fourth-refresh", "first-refresh", "second-refresh", "third-refresh")
    assert credentials(office, account_id) == {"client_id": "id", "refresh_token": "fourth-refresh"}
    assert not office.files_hold("fourth-refresh")


def test_one_that_somebody_gave_meanwhile_stays(office: Office) -> None:
    account_id = enrolled(office)
    office.do("account set", account="main", company="Frota", credentials={"refresh_token": "given"})
    keep(office, account_id, "second-refresh", "first-refresh")
    assert credentials(office, account_id) == {"refresh_token": "given"}


def test_an_account_that_is_gone_is_let_be(office: Office) -> None:
    account_id = enrolled(office)
    office.do("account set", account="main", company="Frota", active=False)
    keep(office, account_id, "second-refresh", "first-refresh")
    office.do("account set", account="main", company="Frota", active=True)
    assert credentials(office, account_id)["refresh_token"] == "first-refresh"
