"""Signing in: a password, and where it is given a code of the second factor. Every refusal reads the same."""

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
"""Those of the whole installation first: nobody else can crowd them out of what is compared."""
_BOOK = "INSERT INTO sign_in_failure (id, subject, at) VALUES (:id, :subject, :now)"
_FORGET = "DELETE FROM sign_in_failure WHERE at <= :old"
_CLEAR = "DELETE FROM sign_in_failure WHERE id = :id"
_USE_STEP = "UPDATE operator SET totp_step = :step WHERE id = :id AND totp_step < :step"
_COMPANY = "SELECT company_id FROM operator WHERE id = :id"
_REHASH = "UPDATE operator SET password = :hash WHERE id = :id AND password = :known"
_MOST = 8
"""Operators that one name means: each costs a comparison."""
_LEAST = 3
"""Comparisons that every sign-in costs: the time does not tell in how many companies somebody has the name."""


class _Candidate(msgspec.Struct, frozen=True):
    """An operator that a name means, as its row was when it was read."""

    id: str
    name: str
    role: Role
    company_id: str | None
    password: str
    totp: bytes | None
    totp_step: int


class _Comparison(msgspec.Struct, frozen=True):
    """One comparison to make: whom it is about, None where nobody has the name."""

    subject: str | None
    hash: str
    booked: str | None = None
    """Id of the failure that it counts as until it is judged; None: it is judged despite a lock, and not counted."""


async def sign_in(store: Store, keyring: Keyring, credentials: Credentials, *, despite_lock: bool = False) -> Operator:
    """The operator whose name, ``name@company`` or e-mail address it is, whichever of several fits.

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
    judged = partial(_compare, keyring=keyring, credentials=credentials, tries=tries, right=right)
    operator = await store.write(partial(judged, renewed=renewed)) if tries else None
    if operator is None:
        raise _refused()
    return operator


def _count_failure(tx: Tx, keyring: Keyring, name: str, *, despite_lock: bool) -> list[_Comparison]:
    """Count each try as wrong before it is judged, so that many at once are no more than many in a row.

    What is to be compared; nothing where there were too many.
    """
    tx.run(_FORGET, old=tx.now - 2 * lockouts.WINDOW)
    meant: list[tuple[str | None, str, str]] = [
        (each.id, each.id, each.password or passwords.DUMMY_HASH) for each in _claimed(tx, name)
    ] or [(None, keyring.digest(f"sign-in {name}"), passwords.DUMMY_HASH)]
    tries = []
    for operator_id, subject, known in meant:
        if lockouts.locked_until(tx, subject) is None:
            booked = str(uuid.uuid4())
            tx.run(_BOOK, id=booked, subject=subject, now=tx.now)
            tries.append(_Comparison(operator_id, known, booked))
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
    """`right`: the tries whose hash the password fits. `renewed`: what replaces that hash where it is outdated."""
    known = {each.subject: each.hash for each in right}
    fits = [
        each
        for each in _claimed(tx, credentials.name)
        if each.password and known.get(each.id) == each.password and _factor_holds(tx, keyring, each, credentials.code)
    ]
    if len(fits) != 1:
        for each in tries:
            _keep_refusal(tx, each)
        return None
    for each in tries:
        tx.run(_CLEAR, id=each.booked)
    (claimed,) = fits
    if renewed is not None and passwords.needs_rehash(claimed.password):
        tx.run(_REHASH, id=claimed.id, hash=renewed, known=claimed.password)
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


def _factor_holds(tx: Tx, keyring: Keyring, claimed: _Candidate, code: str | None) -> bool:
    """Whether the code, if one is given, is good and was not used before."""
    if code is None:
        return True
    if claimed.totp is None:
        return False
    secret = keyring.unseal(bytes(claimed.totp), claimed.id)
    step = totp.step_of(secret, code, tx.moment.wall, claimed.totp_step)
    return step is not None and tx.run(_USE_STEP, id=claimed.id, step=step) == 1


def _keep_refusal(tx: Tx, wrong: _Comparison) -> None:
    """Of what was counted; a lock that it completes gives those in charge more time."""
    if wrong.booked is None:
        return
    row = tx.one(_COMPANY, id=wrong.subject) or (None,)
    journal.record(
        tx, "operator.sign_in_refused", company_id=row[0], actor="operator:unknown", operator_id=wrong.subject
    )
    if wrong.subject is not None:
        lockouts.extend_notices(tx, wrong.subject)


def _claimed(tx: Tx, called: str) -> list[_Candidate]:
    """Those whom the name means, at most `_MOST`."""
    name, _, company = called.rpartition("@")
    return [_Candidate(*row) for row in tx.all(_FIND, called=called, name=name, company=company)][:_MOST]


def _refused() -> OperationError:
    return OperationError(
        "sign_in_refused",
        "The sign-in was refused: the name, the password or the code is wrong or was used before,"
        " or there were too many tries; wait a quarter of an hour then.",
    )
