"""The end user's consent to immobilisation: its author, and from when it counts."""

from typing import Any

from keyturn.admin import operators
from keyturn.admin.operation import Answer, Session

_KEPT = "SELECT coalesce(consent_from, consent_at) FROM vehicle WHERE id = :id"


def consent_columns(
    session: Session, company_id: str, reference: str | None, before: Answer | None = None
) -> dict[str, Any]:
    """The vehicle's columns for a consent; None: withdrawn. `before`: the view of the vehicle before the change."""
    if reference is None:
        return {"consent_at": None, "consent_reference": None, "consent_by": None, "consent_from": None}
    return {
        "consent_at": session.tx.now,
        "consent_reference": reference,
        "consent_by": session.author,
        "consent_from": _counts_from(session, company_id, before),
    }


def record_consent(session: Session, company_id: str, vehicle_id: str, columns: dict[str, Any]) -> None:
    """An audit entry of its own beside the change of the vehicle, because admins are alerted to it."""
    if columns["consent_at"] is not None:
        body = {"reference": columns["consent_reference"], "counts_from": columns["consent_from"]}
        session.record("consent.given", company_id, vehicle_id, **body)


def _counts_from(session: Session, company_id: str, before: Answer | None) -> int:
    """When a pending change would take effect, where an admin is in charge who could object; else now.

    A new reference for an existing consent changes nothing.
    """
    tx = session.tx
    if before is not None and before["consent_at"] is not None:
        row = tx.one(_KEPT, id=before["id"])
        if row is not None and row[0] is not None:
            return int(row[0])
    return tx.now + session.installation.delay if operators.admins(tx, company_id, tx.now) else tx.now
