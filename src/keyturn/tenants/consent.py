"""The end user's consent to immobilisation: whose word it is, and from when it counts."""

from typing import Any

from keyturn.clock import after
from keyturn.store.port import ReadTx
from keyturn.tenants import operators
from keyturn.tenants.administration import Answer, Session

DELAY = 600.0
"""Seconds until a consent counts that an admin in charge could object to: as long as the notice of a change."""

_KEPT = "SELECT coalesce(consent_from, consent_at) FROM vehicle WHERE id = :id"


def given(session: Session, company_id: str, reference: str | None, before: Answer | None = None) -> dict[str, Any]:
    """The columns of a vehicle that is given a consent, or with None loses it. `before`: the vehicle as it was."""
    if reference is None:
        return {"consent_at": None, "consent_reference": None, "consent_by": None, "consent_from": None}
    return {
        "consent_at": session.tx.now,
        "consent_reference": reference,
        "consent_by": session.author,
        "consent_from": _counts_from(session.tx, company_id, before),
    }


def tell(session: Session, company_id: str, vehicle_id: str, columns: dict[str, Any]) -> None:
    """Written beside the change itself, because it is told to the administrators."""
    if columns["consent_at"] is not None:
        told = {"reference": columns["consent_reference"], "counts_from": columns["consent_from"]}
        session.record("consent.given", company_id, vehicle_id, **told)


def _counts_from(tx: ReadTx, company_id: str, before: Answer | None) -> int:
    """A new reference to a consent that is there puts nothing off."""
    if before is not None and before["consent_at"] is not None:
        row = tx.one(_KEPT, id=before["id"])
        if row is not None and row[0] is not None:
            return int(row[0])
    return after(tx.now, DELAY) if operators.admins(tx, company_id, tx.now) else tx.now
