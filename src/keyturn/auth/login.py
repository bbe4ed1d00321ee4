"""Operators' sign-in: a password, with an optional code of the second factor. Every refusal has the same text."""

import asyncio
import uuid
from functools import partial

import msgspec

from keyturn.audit import journal
from keyturn.auth import lockouts, passwords, totp
from keyturn.auth.keyring import Keyring
from keyturn.auth.principal import Credentials, Operator, Role
from keyturn.errors import OperationError
from keyturn.store.port import Store, Tx

_FIND = """
SELECT o.id, o.name, o.role, o.company_id, o.password, o.totp, o.totp_step
FROM operator o LEFT JOIN company c ON c.id = o.company_id
WHERE o.active = 1 AND (o.name = :called OR o.email = :called OR (o.name = :name AND c.name = :company))
ORDER BY o.company_id IS NOT NULL, o.name <> :called, o.id
"""
"""Operators of the installation first, so that those of companies cannot crowd them out of the comparison."""
_ADD_FAILURE = "INSERT INTO sign_in_failure (id, subject, at) VALUES (:id, :subject, :now)"
_DELETE_OLD_FAILURES = "DELETE FROM sign_in_failure WHERE at <= :old"
_DELETE_FAILURE = "DELETE FROM sign_in_failure WHERE id = :id"
_USE_STEP = "UPDATE operator SET totp_step = :step WHERE id = :id AND totp_step < :step"
_COMPANY = "SELECT company_id FROM operator WHERE id = :id"
_REHASH = "UPDATE operator SET password = :hash WHERE id = :id AND password = :known"
_MOST = 8
"""Operators that one name may match; each costs a comparison."""
_LEAST = 3
"""Comparisons of every sign-in, so that its time does not disclose in how many companies the name exists."""


class _Candidate(msgspec.Struct, frozen=True):
    """An operator that the name may match."""

    id: str
    name: str
    role: Role
    company_id: str | None
    password: str
    totp: bytes | None
    totp_step: int


class _Comparison(msgspec.Struct, frozen=True):
    """One password comparison; `subject` is the operator's id, None where the name is unknown."""

    subject: str | None
    hash: str
    failure_id: str | None = None
    """The failure as which it counts until it is compared; None: compared despite a lock-out, and not counted."""


async def sign_in(store: Store, keyring: Keyring, credentials: Credentials, *, despite_lock: bool = False) -> Operator:
    """The operator whose name, ``name@company`` or e-mail address it is: of several, the one with this password.

    `despite_lock`: also while sign-ins are locked, with password and code. Raises `OperationError` with the code
    ``sign_in_refused``.
    """
    despite_lock = despite_lock and credentials.code is not None
    tries = await store.write(
        partial(_count_failure, keyring=keyring, name=credentials.name, despite_lock=despite_lock)
    )
    right = [each for each in tries if await asyncio.to_thread(passwords.verify, each.hash, credentials.password)]
    for _ in range(_LEAST - len(tries) if tries else 0):
        await asyncio.to_thread(passwords.verify, passwords.DUMMY_HASH, credentials.password)
    renewed = None
    if any(passwords.needs_rehash(each.hash) for each in right):
        renewed = await asyncio.to_thread(passwords.hash_password, credentials.password)
    compare = partial(_compare, keyring=keyring, credentials=credentials, tries=tries, right=right)
    operator = await store.write(partial(compare, renewed=renewed)) if tries else None
    if operator is None:
        raise _refused()
    return operator


def _count_failure(tx: Tx, keyring: Keyring, name: str, *, despite_lock: bool) -> list[_Comparison]:
    """Count each try as a failure before it is compared, so that concurrent tries count as sequential ones.

    The comparisons to make; none where the limit is reached.
    """
    tx.run(_DELETE_OLD_FAILURES, old=tx.now - 2 * lockouts.WINDOW)
    subjects: list[tuple[str | None, str, str]] = [
        (each.id, each.id, each.password or passwords.DUMMY_HASH) for each in _candidates(tx, name)
    ] or [(None, keyring.digest(f"sign-in {name}"), passwords.DUMMY_HASH)]
    tries = []
    for operator_id, subject, known in subjects:
        if lockouts.locked_until(tx, subject) is None:
            failure_id = str(uuid.uuid4())
            tx.run(_ADD_FAILURE, id=failure_id, subject=subject, now=tx.now)
            tries.append(_Comparison(operator_id, known, failure_id))
        elif despite_lock:
            tries.append(_Comparison(operator_id, known))
    return tries


def _compare(
    tx: Tx,
    keyring: Keyring,
    credentials: Credentials,
    tries: list[_Comparison],
    right: list[_Comparison],
    renewed: str | None,
) -> Operator | None:
    """`right`: the tries whose hash matches the password. `renewed`: its new hash, where that is outdated."""
    known = {each.subject: each.hash for each in right}
    fits = [
        each
        for each in _candidates(tx, credentials.name)
        if each.password and known.get(each.id) == each.password and _verify_code(tx, keyring, each, credentials.code)
    ]
    if len(fits) != 1:
        for each in tries:
            _record_refusal(tx, each)
        return None
    for each in tries:
        tx.run(_DELETE_FAILURE, id=each.failure_id)
    (candidate,) = fits
    if renewed is not None and passwords.needs_rehash(candidate.password):
        tx.run(_REHASH, id=candidate.id, hash=renewed, known=candidate.password)
    operator = Operator(
        candidate.id, candidate.name, candidate.role, candidate.company_id, credentials.code is not None
    )
    journal.record(
        tx,
        "operator.signed_in",
        company_id=operator.company_id,
        actor=f"operator:{operator.id}",
        operator_id=operator.id,
        second_factor=operator.second_factor,
    )
    return operator


def _verify_code(tx: Tx, keyring: Keyring, candidate: _Candidate, code: str | None) -> bool:
    """Whether the code is right and was not used before; true without one."""
    if code is None:
        return True
    if candidate.totp is None:
        return False
    secret = keyring.unseal(bytes(candidate.totp), candidate.id)
    step = totp.step_of(secret, code, tx.moment.wall, candidate.totp_step)
    return step is not None and tx.run(_USE_STEP, id=candidate.id, step=step) == 1


def _record_refusal(tx: Tx, wrong: _Comparison) -> None:
    """Record a counted failure; where it completes a lock-out, extend the notices."""
    if wrong.failure_id is None:
        return
    row = tx.one(_COMPANY, id=wrong.subject) or (None,)
    journal.record(
        tx, "operator.sign_in_refused", company_id=row[0], actor="operator:unknown", operator_id=wrong.subject
    )
    if wrong.subject is not None:
        lockouts.extend_notices(tx, wrong.subject)


def _candidates(tx: Tx, called: str) -> list[_Candidate]:
    """The operators that the name may match, at most `_MOST`."""
    name, _, company = called.rpartition("@")
    return [_Candidate(*row) for row in tx.all(_FIND, called=called, name=name, company=company)][:_MOST]


def _refused() -> OperationError:
    return OperationError(
        "sign_in_refused",
        "The sign-in was refused: the name, the password or the code is wrong or was used before,"
        " or there were too many tries; wait a quarter of an hour then.",
    )
