"""Credentials beside an account's own, so that an immobilised vehicle can be enabled while those are replaced.

*Former* credentials were replaced while vehicles of the account were immobilised; they are used until the new ones
have read a vehicle. *Proposed* ones wait in an open change; they are *proven* once they have read an immobilised
vehicle where the account's own could not. Both are used for restoring commands alone.
"""

import msgspec

from keyturn.audit import journal
from keyturn.auth.keyring import Keyring
from keyturn.connectors.port import Account
from keyturn.store.port import ReadTx, Tx

OPERATION = "account set"
_ENGINE = "engine"

_BEHIND = """
SELECT v.id FROM immobilisation i JOIN vehicle v ON v.id = i.vehicle_id
WHERE coalesce(i.account_id, v.account_id) = :account_id AND (i.state <> 'closed' OR i.held = 1) AND v.active = 1
ORDER BY i.opened_at, i.id LIMIT 1
"""
_FORMER = "SELECT sealed FROM former_credentials WHERE account_id = :account_id"
_ALL_FORMER = "SELECT account_id FROM former_credentials ORDER BY account_id"
_KEEP_FORMER = """
INSERT INTO former_credentials (account_id, sealed, replaced_at)
SELECT id, sealed, :now FROM oem_account WHERE id = :account_id
ON CONFLICT DO NOTHING
"""
_DROP_FORMER = "DELETE FROM former_credentials WHERE account_id = :account_id"
_PROVEN = """
SELECT p.change_id, c.sealed FROM proven_credentials p JOIN change c ON c.id = p.change_id
WHERE p.account_id = :account_id AND c.state IN ('waiting', 'pending') AND c.sealed IS NOT NULL
ORDER BY p.proven_at DESC LIMIT 1
"""
_PROVE = """
INSERT INTO proven_credentials (change_id, account_id, digest, proven_at)
VALUES (:change_id, :account_id, :digest, :now) ON CONFLICT DO NOTHING
"""
_WAS_PROVEN = "SELECT 1 FROM proven_credentials WHERE account_id = :account_id AND digest = :digest"
_PROPOSED = """
SELECT c.id, c.arguments, c.sealed FROM change c
WHERE c.operation = :operation AND c.state IN ('waiting', 'pending') AND c.sealed IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM proven_credentials p WHERE p.change_id = c.id)
ORDER BY c.proposed_at, c.id
"""


class Proposed(msgspec.Struct, frozen=True):
    """Credentials in an open change of an account."""

    change_id: str
    account_id: str
    account: Account
    """For the connector, under an id of its own, so that it does not reuse tokens of the account's own credentials."""

    def __repr__(self) -> str:
        return f"Proposed(change_id={self.change_id!r})"


def account_for_restoring(tx: ReadTx, keyring: Keyring, own: Account) -> Account:
    """The account for a restoring command: with proven credentials, else former ones, else its own."""
    if (proven := tx.one(_PROVEN, account_id=own.id)) is not None:
        change_id, sealed = proven
        return _proposed(keyring, change_id, own.id, sealed).account
    if (former := tx.one(_FORMER, account_id=own.id)) is not None:
        credentials = msgspec.json.decode(keyring.unseal(bytes(former[0]), own.id), type=dict[str, str])
        return Account(f"{own.id} former", credentials)
    return own


def longest_immobilised(tx: ReadTx, account_id: str) -> str | None:
    """The id of the account's vehicle that has been immobilised longest; None: there is none."""
    row = tx.one(_BEHIND, account_id=account_id)
    return None if row is None else str(row[0])


def keep_former(tx: Tx, keyring: Keyring, account_id: str, replacing: dict[str, str]) -> None:
    """Call before an account's credentials are replaced: they are stored unless older ones, still needed, are."""
    if longest_immobilised(tx, account_id) is None:
        return
    if tx.one(_WAS_PROVEN, account_id=account_id, digest=_digest(keyring, replacing)) is None:
        tx.run(_KEEP_FORMER, account_id=account_id, now=tx.now)
    else:
        tx.run(_DROP_FORMER, account_id=account_id)


def accounts_with_former(tx: ReadTx) -> list[str]:
    """Ids of accounts whose new credentials have not read a vehicle yet."""
    return [str(row[0]) for row in tx.all(_ALL_FORMER)]


def drop_former(tx: Tx, account_id: str) -> None:
    """Call when the account's own credentials have read a vehicle, or none of its vehicles is immobilised."""
    if tx.run(_DROP_FORMER, account_id=account_id):
        _record_event(tx, "account.former_credentials_dropped", account_id)


def load_proposed(tx: ReadTx, keyring: Keyring) -> list[Proposed]:
    """Credentials in open changes that are not proven, oldest first."""
    found = []
    for change_id, arguments, sealed in tx.all(_PROPOSED, operation=OPERATION):
        account_id = str(msgspec.json.decode(arguments)["account"])
        found.append(_proposed(keyring, change_id, account_id, sealed))
    return found


def record_proven(tx: Tx, keyring: Keyring, proposal: Proposed, account_id: str) -> None:
    """Call when they have read an immobilised vehicle and the account's own could not."""
    digest = _digest(keyring, proposal.account.credentials)
    if tx.run(_PROVE, change_id=proposal.change_id, account_id=account_id, digest=digest, now=tx.now):
        _record_event(tx, "account.credentials_proven", account_id, change=proposal.change_id)


def _proposed(keyring: Keyring, change_id: str, account_id: str, sealed: bytes) -> Proposed:
    hidden = msgspec.json.decode(keyring.unseal(bytes(sealed), change_id))
    return Proposed(change_id, account_id, Account(f"{account_id} change {change_id}", hidden["credentials"]))


def _digest(keyring: Keyring, credentials: dict[str, str]) -> str:
    return keyring.digest(f"credentials {msgspec.json.encode(credentials, order='sorted').decode()}")


def _record_event(tx: Tx, kind: str, account_id: str, **body: str) -> None:
    row = tx.one("SELECT company_id FROM oem_account WHERE id = :id", id=account_id)
    journal.record(tx, kind, company_id=row[0] if row else None, actor=_ENGINE, account_id=account_id, **body)
