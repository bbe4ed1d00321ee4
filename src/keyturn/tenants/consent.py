"""The end user's consent to immobilisation: whose word it is, and from when it counts."""

from typing import Any

from keyturn.admin import operators
from keyturn.admin.operation import Answer, Session

_KEPT = "SELECT coalesce(consent_from, consent_at) FROM vehicle WHERE id = :id"


def consent_columns(
    session: Session, company_id: str, reference: str | None, before: Answer | None = None
) -> dict[str, Any]:
    """The columns of a vehicle that is given a consent, or with None loses it. `before`: the vehicle as it was."""
    if reference is None:
        return {"consent_at": None, "consent_reference": None, "consent_by": None, "consent_from": None}
    return {
        "consent_at": session.tx.now,
        "consent_reference": reference,
        "consent_by": session.author,
        "consent_from": _counts_from(session, company_id, before),
    }


def record_consent(session: Session, company_id: str, vehicle_id: str, columns: dict[str, Any]) -> None:
    """Written beside the change itself, because it is told to the administrators."""
    if columns["consent_at"] is not None:
        told = {"reference": columns["consent_reference"], "counts_from": columns["consent_from"]}
        session.record("consent.given", company_id, vehicle_id, **told)


def _counts_from(session: Session, company_id: str, before: Answer | None) -> int:
    """Where somebody is in charge who could object, when a change would take effect.

    A new reference to a consent that is there puts nothing off.
    """
    tx = session.tx
    if before is not None and before["consent_at"] is not None:
        row = tx.one(_KEPT, id=before["id"])
        if row is not None and row[0] is not None:
            return int(row[0])
    return tx.now + session.installation.delay if operators.admins(tx, company_id, tx.now) else tx.now
