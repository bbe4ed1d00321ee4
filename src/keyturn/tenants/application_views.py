"""Applications as operators see them: list and show, without secrets."""

import msgspec

from keyturn.admin import operators
from keyturn.admin.operation import Answer, Arguments, Session
from keyturn.admin.references import (
    APPLICATION,
    resolve,
    resolve_company,
)
from keyturn.clock import iso_time
from keyturn.store.port import ReadTx, Row

_SELECT = """
SELECT a.id, c.name, a.company_id, a.name, a.client_id, a.grants, a.signing, a.active, a.created_by,
       a.created_at, (SELECT count(*) FROM sign_secret s WHERE s.application_id = a.id)
FROM application a JOIN company c ON c.id = a.company_id
"""


_LIST = f"{_SELECT} WHERE CAST(:company_id AS TEXT) IS NULL OR a.company_id = :company_id ORDER BY c.name, a.name"


_SHOW = f"{_SELECT} WHERE a.id = :id"


class ListApplications(Arguments, frozen=True):
    company: str | None = None


class ShowApplication(Arguments, frozen=True):
    application: str
    """Id, client id or name."""
    company: str | None = None


def list_all(session: Session, arguments: ListApplications) -> Answer:
    company_id = resolve_company(session.tx, arguments.company)
    return {"applications": [_view(row) for row in session.tx.all(_LIST, company_id=company_id)]}


def show(session: Session, arguments: ShowApplication) -> Answer:
    return application_view(session.tx, resolve(session.tx, APPLICATION, arguments.application, arguments.company))


def application_view(tx: ReadTx, application_id: str) -> Answer:
    """The application without its secrets."""
    (row,) = tx.all(_SHOW, id=application_id)
    return _view(row) | {"responsible": operators.owner_names(tx, application_id)}


def _view(row: Row) -> Answer:
    application_id, company, company_id, name, client_id, grants, signing, active, *made = row
    created_by, created_at, sign_secrets = made
    return {
        "id": application_id,
        "name": name,
        "company": company,
        "company_id": company_id,
        "client_id": client_id,
        "grants": msgspec.json.decode(grants),
        "sign_secrets": sign_secrets,
        "signing": signing,
        "active": bool(active),
        "created_by": created_by,
        "created_at": iso_time(created_at),
    }
