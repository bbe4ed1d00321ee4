"""One-time codes with which an operator sets a password or enrols a second factor: valid once, for a day."""

import hmac
import secrets
from collections.abc import Iterable
from typing import Literal

from keyturn.admin import conflicts, operators
from keyturn.admin.operation import Answer, Session
from keyturn.auth.keyring import Keyring
from keyturn.clock import SECOND, iso_time
from keyturn.errors import OperationError
from keyturn.store.port import Tx

LIFE = 24 * 3600 * SECOND
"""Microseconds."""
_BYTES = 16

Purpose = Literal["password", "totp"]

_STORE = """
INSERT INTO operator_code (operator_id, purpose, digest, made_by, expires_at)
VALUES (:operator_id, :purpose, :digest, :author, :expires_at)
ON CONFLICT (operator_id, purpose) DO UPDATE
SET digest = excluded.digest, made_by = excluded.made_by, expires_at = excluded.expires_at
"""
_FIND = """
SELECT digest, made_by FROM operator_code
WHERE operator_id = :operator_id AND purpose = :purpose AND expires_at > :now
"""
_DROP = "DELETE FROM operator_code WHERE operator_id = :operator_id AND purpose = :purpose"


def ensure_own_password(session: Session, company_id: str | None, password: str | None) -> None:
    """Raises `OperationError` where one operator chooses the password of another although an admin is in charge."""
    signed_in = session.operator is not None  # without a sign-in that is refused first
    if signed_in and password is not None and operators.admins(session.tx, company_id, session.tx.now):
        raise OperationError(
            "code_instead", "Give no password: the answer is a one-time code, by which the operator sets it."
        )


def issue(session: Session, operator_id: str, company_id: str | None, purpose: Purpose) -> Answer:
    """A new code, which replaces the former one. Its issuer counts as having reset the operator's credentials."""
    code, expires_at = secrets.token_urlsafe(_BYTES), session.tx.now + LIFE
    session.tx.run(
        _STORE,
        operator_id=operator_id,
        purpose=purpose,
        digest=_digest(session.keyring, operator_id, purpose, code),
        author=session.author,
        expires_at=expires_at,
    )
    conflicts.record_involvement(session.tx, operator_id, session.author, "reset")
    conflicts.record_unsupervised(session, operator_id, company_id, "reset")
    return {"code": code, "code_expires_at": iso_time(expires_at)}


def redeem(session: Session, candidates: Iterable[str], purpose: Purpose, code: str) -> str:
    """Redeem the code; the id of the candidate whose it is. The cooling-off of its issuer begins now.

    Raises `OperationError`, which discloses nothing of the operators.
    """
    tx = session.tx
    for operator_id in candidates:
        digest, made_by = tx.one(_FIND, operator_id=operator_id, purpose=purpose, now=tx.now) or ("", "")
        if hmac.compare_digest(_digest(session.keyring, operator_id, purpose, code), digest):
            revoke(tx, operator_id, purpose)
            conflicts.record_involvement(tx, operator_id, made_by, "reset")
            if conflicts.is_unsupervised(tx, operator_id, tx.now):
                conflicts.record_unsupervised_code(session, operator_id, "reset")
            return operator_id
    raise OperationError("code_refused", "The code was refused: it is wrong, was used, or is older than a day.")


def revoke(tx: Tx, operator_id: str, purpose: Purpose) -> None:
    """Revoke a code that was issued and not used."""
    tx.run(_DROP, operator_id=operator_id, purpose=purpose)


def _digest(keyring: Keyring, operator_id: str, purpose: Purpose, code: str) -> str:
    return keyring.digest(f"operator code {purpose} {operator_id} {code.strip()}")
