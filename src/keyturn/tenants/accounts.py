"""OEM accounts: a company's credentials at one connector, sealed, and never shown."""

import asyncio
import uuid
from collections.abc import Collection
from functools import lru_cache, partial

import msgspec

from keyturn.admin.guards import Need, depends, reads, signed_in, when
from keyturn.admin.operation import Answer, Arguments, Operation, Session, changed_fields
from keyturn.admin.pinned_references import refuse_renaming
from keyturn.admin.references import (
    ACCOUNT,
    COMPANY,
    checked_members,
    checked_name,
    name_taken,
    resolve,
    resolve_company,
)
from keyturn.auth.keyring import Keyring
from keyturn.clock import iso_time
from keyturn.connectors.port import Account
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Row, Store, Tx
from keyturn.tenants.immobilisation_guard import ensure_account_still_reachable
from keyturn.tenants.spare_credentials import keep_former

_ADD = """
INSERT INTO oem_account (id, company_id, connector, name, sealed, active, created_at)
VALUES (:id, :company_id, :connector, :name, :sealed, 1, :now) ON CONFLICT (company_id, name) DO NOTHING
"""
_SELECT = """
SELECT a.id, c.name, a.company_id, a.connector, a.name, a.active, a.created_at
FROM oem_account a JOIN company c ON c.id = a.company_id
"""
_LIST = f"{_SELECT} WHERE CAST(:company_id AS TEXT) IS NULL OR a.company_id = :company_id ORDER BY c.name, a.name"
_SHOW = f"{_SELECT} WHERE a.id = :id"
_NAME_OF_ANOTHER = "SELECT 1 FROM oem_account WHERE company_id = :company_id AND name = :name AND id <> :id"
_SET = """
UPDATE oem_account
SET name = coalesce(:name, name), active = coalesce(:active, active), sealed = coalesce(:sealed, sealed)
WHERE id = :id
"""
_VEHICLE_BEHIND = "SELECT 1 FROM vehicle WHERE account_id = :id AND active = 1 LIMIT 1"
_OPEN = "SELECT connector, sealed FROM oem_account WHERE id = ?1 AND active = 1"

_CREDENTIALS = msgspec.json.Decoder(dict[str, str])


class AddAccount(Arguments, frozen=True):
    company: str
    connector: str
    name: str
    credentials: dict[str, str]


class ListAccounts(Arguments, frozen=True):
    company: str | None = None


class ShowAccount(Arguments, frozen=True):
    account: str
    company: str | None = None


class SetAccount(Arguments, frozen=True):
    account: str
    company: str | None = None
    name: str | None = None
    active: bool | None = None
    credentials: dict[str, str] | None = None
    """Replaces all of them."""


def open_account(tx: ReadTx, keyring: Keyring, account_id: str) -> tuple[str, Account] | None:
    """The connector's name and the account with opened credentials; None when there is no active one."""
    row = tx.one(_OPEN, account_id)
    return None if row is None else (row[0], _opened(keyring, account_id, bytes(row[1])))


@lru_cache(maxsize=1024)
def _opened(keyring: Keyring, account_id: str, sealed: bytes) -> Account:
    """Kept by what is sealed, so never outdated. Raises `SealBroken`."""
    return Account(account_id, _CREDENTIALS.decode(keyring.unseal(sealed, account_id)))


class AccountCredentialKeeper:
    """Stores credentials that an OEM replaced, sealed, in their account. Implements `CredentialKeeper`."""

    def __init__(self, opened: "asyncio.Future[tuple[Store, Keyring]]") -> None:
        """`opened` has a result once the store is open."""
        self._opened = opened

    async def keep(self, account_id: str, name: str, value: str, replaces: Collection[str]) -> None:
        """Raises `StoreUnavailable`."""
        store, keyring = await self._opened
        await store.write(
            partial(
                replace_credential, keyring=keyring, account_id=account_id, name=name, value=value, replaces=replaces
            )
        )


def replace_credential(
    tx: Tx, keyring: Keyring, account_id: str, name: str, value: str, replaces: Collection[str]
) -> bool:
    """Replace any of the values `replaces` by `value`; false where the account has another one by now."""
    opened = open_account(tx, keyring, account_id)
    if opened is None or opened[1].credentials.get(name) not in replaces:
        return False
    sealed = _sealed(keyring, account_id, {**opened[1].credentials, name: value})
    tx.run(_SET, id=account_id, name=None, active=None, sealed=sealed)
    return True


def add(session: Session, arguments: AddAccount) -> Answer:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    name = checked_name("account", arguments.name)
    (connector,) = checked_members("connector", [arguments.connector], session.installation.connectors)
    _refuse_unusable(session, connector, arguments.credentials)
    account_id = str(uuid.uuid4())
    added = session.tx.run(
        _ADD,
        id=account_id,
        company_id=company_id,
        connector=connector,
        name=name,
        sealed=_sealed(session.keyring, account_id, arguments.credentials),
        now=session.tx.now,
    )
    if not added:
        raise name_taken("account of this company", name)
    session.record("account.added", company_id, account_id=account_id, name=name, connector=connector)
    return _view_by_id(session.tx, account_id)


def list_all(session: Session, arguments: ListAccounts) -> Answer:
    company_id = resolve_company(session.tx, arguments.company)
    return {"accounts": [_view(row) for row in session.tx.all(_LIST, company_id=company_id)]}


def show(session: Session, arguments: ShowAccount) -> Answer:
    return _view_by_id(session.tx, resolve(session.tx, ACCOUNT, arguments.account, arguments.company))


def change(session: Session, arguments: SetAccount) -> Answer:
    account_id = resolve(session.tx, ACCOUNT, arguments.account, arguments.company)
    changes = changed_fields(arguments, "name", "active", "credentials")
    before = _view_by_id(session.tx, account_id)
    company_id = before["company_id"]
    name, active, credentials = (changes.get(key) for key in ("name", "active", "credentials"))
    if active is False:
        ensure_account_still_reachable(session.tx, account_id)
    if name is not None:
        _refuse_taken_name(session.tx, company_id, account_id, checked_name("account", name))
    if credentials is not None:
        _refuse_unusable(session, before["connector"], credentials)
    sealed = None if credentials is None else _sealed(session.keyring, account_id, credentials)
    if credentials is not None:
        keep_former(session.tx, session.keyring, account_id, credentials)
    session.tx.run(_SET, id=account_id, name=name, active=None if active is None else int(active), sealed=sealed)
    recorded = {key: value for key, value in changes.items() if key != "credentials"}
    session.record(
        "account.changed", company_id, account_id=account_id, credentials_replaced=sealed is not None, **recorded
    )
    return _view_by_id(session.tx, account_id)


def _redirects(session: Session, arguments: SetAccount) -> bool:
    """Whether it is closed or opened, or gets credentials with which an external id may mean another vehicle."""
    account_id = resolve(session.tx, ACCOUNT, arguments.account, arguments.company)
    is_active = _view_by_id(session.tx, account_id)["active"]
    changed = arguments.credentials is not None and session.tx.one(_VEHICLE_BEHIND, id=account_id) is not None
    return changed or arguments.active not in (None, is_active)


def _refuse_taken_name(tx: ReadTx, company_id: str, account_id: str, name: str) -> None:
    if tx.one(_NAME_OF_ANOTHER, company_id=company_id, name=name, id=account_id):
        raise name_taken("account of this company", name)
    if name != _view_by_id(tx, account_id)["name"]:
        refuse_renaming(tx, account_id, "account")


def _refuse_unusable(session: Session, connector: str, credentials: dict[str, str]) -> None:
    """Raises `OperationError`, without any secret, for credentials that the connector's definition cannot use."""
    use = session.installation.credentials.get(connector)
    if problems := use.problems(credentials) if use else ():
        raise OperationError("invalid_credentials", " ".join(problems))


def _sealed(keyring: Keyring, account_id: str, credentials: dict[str, str]) -> bytes:
    if "" in credentials:
        raise OperationError("invalid_credentials", "A credential without a name cannot be used.")
    return keyring.seal(msgspec.json.encode(credentials), account_id)


def _view_by_id(tx: ReadTx, account_id: str) -> Answer:
    (row,) = tx.all(_SHOW, id=account_id)
    return _view(row)


def _view(row: Row) -> Answer:
    account_id, company, company_id, connector, name, active, created_at = row
    return {
        "id": account_id,
        "name": name,
        "company": company,
        "company_id": company_id,
        "connector": connector,
        "active": bool(active),
        "created_at": iso_time(created_at),
    }


OPERATIONS = (
    Operation(
        "account add",
        AddAccount,
        add,
        role="admin",
        guard=signed_in(
            "Points vehicles at a cloud under the attacker's control.",
            "No vehicle uses it until one is moved to it, which is guarded.",
        ),
    ),
    Operation("account list", ListAccounts, list_all, guard=reads()),
    Operation("account show", ShowAccount, show, guard=reads()),
    Operation(
        "account set",
        SetAccount,
        change,
        role="admin",
        guard=depends(
            when(_redirects, Need.SIGN_IN),
            "Makes it impossible to enable vehicles, or sends their commands elsewhere.",
            "It renames, or no vehicle uses it; a kill switch stops an account at once.",
        ),
        sealed=("credentials",),
    ),
)
