"""Lock-outs: failed sign-ins lock an operator out for a while, and the notices of pending changes are extended."""

from keyturn.audit import journal
from keyturn.clock import SECOND, iso_time
from keyturn.store.port import ReadTx, Tx

MAX_FAILURES = 5
WINDOW = 15 * 60 * SECOND
"""Microseconds: `MAX_FAILURES` within them lock the sign-in, for as long."""

_NEWEST = "SELECT max(at) FROM sign_in_failure WHERE subject = :subject"
_COUNT = "SELECT count(*) FROM sign_in_failure WHERE subject = :subject AND at > :since"
_IN_CHARGE = "SELECT company_id FROM operator WHERE id = :subject AND role = 'admin' AND active = 1"
_ENDING_TOO_SOON = """
SELECT id, company_id, operation, notice FROM change
WHERE state = 'pending' AND effective_at < :until + notice AND notice > 0
  AND (CAST(:company_id AS TEXT) IS NULL OR company_id = :company_id)
ORDER BY id
"""
_EXTEND = "UPDATE change SET effective_at = :effective_at WHERE id = :id"


def locked_until(tx: ReadTx, subject: str) -> int | None:
    """When the lock-out of an operator's id, or of a name's digest, ends; None: not locked."""
    (newest,) = tx.one(_NEWEST, subject=subject) or (None,)
    if newest is None or tx.now >= newest + WINDOW:
        return None
    (count,) = tx.one(_COUNT, subject=subject, since=newest - WINDOW) or (0,)
    return int(newest + WINDOW) if count >= MAX_FAILURES else None


def extend_notices(tx: Tx, subject: str) -> None:
    """Restart the notices of pending changes at the end of the lock-out of an admin who could withdraw them."""
    ends, row = locked_until(tx, subject), tx.one(_IN_CHARGE, subject=subject)
    if ends is None or row is None:
        return
    for change_id, company_id, operation, notice in tx.all(_ENDING_TOO_SOON, until=ends, company_id=row[0]):
        tx.run(_EXTEND, id=change_id, effective_at=ends + notice)
        journal.record(
            tx,
            "change.extended",
            company_id=company_id,
            actor="engine",
            change=change_id,
            operation=operation,
            operator_id=subject,
            effective_at=iso_time(ends + notice),
        )
