"""Signing in: a password, and where it is given a code of the second factor. Every refusal reads the same."""

import asyncio
import uuid
from functools import partial

import msgspec

from keyturn.audit import journal
from keyturn.clock import SECOND
from keyturn.store.port import Store, Tx
from keyturn.tenants import passwords, second_factor
from keyturn.tenants.administration import OperationError
from keyturn.tenants.keyring import Keyring
from keyturn.tenants.principal import Credentials, Operator, Role

_TRIES = 5
_WINDOW = 15 * 60 * SECOND
"""Within which so many wrong sign-ins lock, and for how long."""

_FIND = """
SELECT id, name, role, company_id, password, totp, totp_step FROM operator WHERE name = :name AND active = 1
"""
_BOOK = "INSERT INTO sign_in_failure (id, subject, at) VALUES (:id, :subject, :now)"
_FORGET = "DELETE FROM sign_in_failure WHERE at <= :old"
_CLEAR = "DELETE FROM sign_in_failure WHERE id = :id"
_NEWEST = "SELECT max(at) FROM sign_in_failure WHERE subject = :subject"
_COUNT = "SELECT count(*) FROM sign_in_failure WHERE subject = :subject AND at > :since"
_USE_STEP = "UPDATE operator SET totp_step = :step WHERE id = :id AND totp_step < :step"
_REHASH = "UPDATE operator SET password = :hash WHERE id = :id AND password = :known"


class _Claimed(msgspec.Struct, frozen=True):
    """The operator that a name means, as its row was when it was read."""

    id: str
    name: str
    role: Role
    company_id: str | None
    password: str
    totp: bytes | None
    totp_step: int


async def sign_in(store: Store, keyring: Keyring, credentials: Credentials) -> Operator:
    """The operator. Raises `OperationError` with the code ``sign_in_refused``."""
    attempt, known = await store.write(partial(_book, keyring=keyring, name=credentials.name))
    if attempt is None:
        raise _refused()
    right = await asyncio.to_thread(passwords.matches, known, credentials.password)
    renewed = None
    if right and passwords.outdated(known):
        renewed = await asyncio.to_thread(passwords.hashed, credentials.password)
    judged = partial(_judge, keyring=keyring, credentials=credentials, attempt=attempt, known=known if right else None)
    operator = await store.write(partial(judged, renewed=renewed))
    if operator is None:
        raise _refused()
    return operator


def _book(tx: Tx, keyring: Keyring, name: str) -> tuple[str | None, str]:
    """Count the try as wrong before it is judged, so that many at once are no more than many in a row.

    The try's id, None when there were too many; and the hash to compare with.
    """
    claimed = _claimed(tx, name)
    subject = claimed.id if claimed else keyring.digest(f"sign-in {name}")
    tx.run(_FORGET, old=tx.now - 2 * _WINDOW)
    known = claimed.password if claimed else passwords.STRANGER
    if _locked(tx, subject):
        return None, known
    attempt = str(uuid.uuid4())
    tx.run(_BOOK, id=attempt, subject=subject, now=tx.now)
    return attempt, known


def _locked(tx: Tx, subject: str) -> bool:
    (newest,) = tx.one(_NEWEST, subject=subject) or (None,)
    if newest is None or tx.now >= newest + _WINDOW:
        return False
    (count,) = tx.one(_COUNT, subject=subject, since=newest - _WINDOW) or (0,)
    return bool(count >= _TRIES)


def _judge(
    tx: Tx, keyring: Keyring, credentials: Credentials, attempt: str, known: str | None, renewed: str | None
) -> Operator | None:
    """`known`: the hash that the password fits, None when it fits none. `renewed`: what replaces it, if anything."""
    claimed = _claimed(tx, credentials.name)
    if claimed is None or claimed.password != known or not _factor_holds(tx, keyring, claimed, credentials.code):
        _keep_refusal(tx, claimed)
        return None
    tx.run(_CLEAR, id=attempt)
    if renewed is not None:
        tx.run(_REHASH, id=claimed.id, hash=renewed, known=known)
    operator = Operator(claimed.id, claimed.name, claimed.role, claimed.company_id, credentials.code is not None)
    journal.record(
        tx,
        "operator.signed_in",
        company_id=operator.company_id,
        actor=f"operator:{operator.id}",
        operator_id=operator.id,
        second_factor=operator.second_factor,
    )
    return operator


def _factor_holds(tx: Tx, keyring: Keyring, claimed: _Claimed, code: str | None) -> bool:
    """Whether the code, if one is given, is good and was not used before."""
    if code is None:
        return True
    if claimed.totp is None:
        return False
    secret = keyring.unseal(bytes(claimed.totp), claimed.id)
    step = second_factor.step_of(secret, code, tx.now, claimed.totp_step)
    return step is not None and tx.run(_USE_STEP, id=claimed.id, step=step) == 1


def _keep_refusal(tx: Tx, claimed: _Claimed | None) -> None:
    company_id, operator_id = (claimed.company_id, claimed.id) if claimed else (None, None)
    journal.record(
        tx, "operator.sign_in_refused", company_id=company_id, actor="operator:unknown", operator_id=operator_id
    )


def _claimed(tx: Tx, name: str) -> _Claimed | None:
    row = tx.one(_FIND, name=name)
    return None if row is None else _Claimed(*row)


def _refused() -> OperationError:
    return OperationError(
        "sign_in_refused",
        "The sign-in was refused: the name, the password or the code is wrong or was used before,"
        " or there were too many tries; wait a quarter of an hour then.",
    )
