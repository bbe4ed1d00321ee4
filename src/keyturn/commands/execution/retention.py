"""Small live tables stay small: what has outlived its purpose is forgotten, a bounded number of rows at a time."""

from keyturn.clock import after
from keyturn.commands.admission import nonces
from keyturn.store.port import Tx
from keyturn.tenants import limits

_HOUR, _DAY = 3_600.0, 86_400.0
_LIMIT = 1000

_FORGET_KEYS = """
DELETE FROM idempotency_key WHERE (application_id, key) IN
  (SELECT application_id, key FROM idempotency_key WHERE expires_at <= :before LIMIT :limit)
"""
_FORGET_REDEEMED = """
DELETE FROM redeemed_code WHERE (actor, vehicle_id, name, digest) IN
  (SELECT actor, vehicle_id, name, digest FROM redeemed_code WHERE redeemed_at <= :before LIMIT :limit)
"""
_FORGET_ISSUES = """
DELETE FROM code_issue WHERE id IN (SELECT id FROM code_issue WHERE issued_at <= :before LIMIT :limit)
"""


_FORGET_CALLS = "DELETE FROM oem_call WHERE id IN (SELECT id FROM oem_call WHERE at <= :before LIMIT :limit)"


def delete_expired(tx: Tx) -> int:
    """How many rows of expired keys, redeemed codes, counted calls and issues went."""
    gone = tx.run(_FORGET_KEYS, before=tx.now, limit=_LIMIT)
    gone += tx.run(_FORGET_REDEEMED, before=after(tx.now, -_DAY), limit=_LIMIT)
    gone += tx.run(_FORGET_CALLS, before=after(tx.now, -_DAY), limit=_LIMIT)
    gone += limits.delete_expired(tx, _LIMIT)
    gone += nonces.delete_expired(tx, _LIMIT)
    return gone + tx.run(_FORGET_ISSUES, before=after(tx.now, -_HOUR), limit=_LIMIT)
