"""Operations on companies, the tenants. Nothing of an inactive company is authenticated."""

import uuid

from keyturn.admin.guards import Need, depends, reads, signed_in, when
from keyturn.admin.operation import Answer, Arguments, Operation, Session, changed_fields
from keyturn.admin.pinned_references import refuse_renaming
from keyturn.admin.references import COMPANY, checked_name, name_taken, resolve
from keyturn.clock import iso_time
from keyturn.store.port import ReadTx, Row
from keyturn.tenants.immobilisation_guard import count_immobilised_of_company

_ADD = """
INSERT INTO company (id, name, active, created_at) VALUES (:id, :name, 1, :now) ON CONFLICT (name) DO NOTHING
"""
_LIST = "SELECT id, name, active, created_at FROM company ORDER BY name"
_SHOW = "SELECT id, name, active, created_at FROM company WHERE id = :id"
_NAME_OF_ANOTHER = "SELECT 1 FROM company WHERE name = :name AND id <> :id"
_SET = "UPDATE company SET name = coalesce(:name, name), active = coalesce(:active, active) WHERE id = :id"


class AddCompany(Arguments, frozen=True):
    name: str


class ListCompanies(Arguments, frozen=True):
    pass


class ShowCompany(Arguments, frozen=True):
    company: str


class SetCompany(Arguments, frozen=True):
    company: str
    name: str | None = None
    active: bool | None = None


def add(session: Session, arguments: AddCompany) -> Answer:
    name = checked_name("company", arguments.name)
    company_id = str(uuid.uuid4())
    if not session.tx.run(_ADD, id=company_id, name=name, now=session.tx.now):
        raise name_taken("company", name)
    session.record("company.added", company_id, name=name)
    return _view_by_id(session.tx, company_id)


def list_all(session: Session, _: ListCompanies) -> Answer:
    return {"companies": [_view(row) for row in session.tx.all(_LIST)]}


def show(session: Session, arguments: ShowCompany) -> Answer:
    return _view_by_id(session.tx, resolve(session.tx, COMPANY, arguments.company))


def change(session: Session, arguments: SetCompany) -> Answer:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    changes = changed_fields(arguments, "name", "active")
    name, active = changes.get("name"), changes.get("active")
    if name is not None and session.tx.one(_NAME_OF_ANOTHER, name=checked_name("company", name), id=company_id):
        raise name_taken("company", name)
    if name not in (None, _view_by_id(session.tx, company_id)["name"]):
        refuse_renaming(session.tx, company_id, "company")
    session.tx.run(_SET, id=company_id, name=name, active=None if active is None else int(active))
    if active is False:
        changes["immobilised"] = count_immobilised_of_company(session.tx, company_id)
    session.record("company.changed", company_id, **changes)
    return _view_by_id(session.tx, company_id)


def _reactivates(session: Session, arguments: SetCompany) -> bool:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    return bool(arguments.active and not _view_by_id(session.tx, company_id)["active"])


def _view_by_id(tx: ReadTx, company_id: str) -> Answer:
    (row,) = tx.all(_SHOW, id=company_id)
    return _view(row)


def _view(row: Row) -> Answer:
    company_id, name, active, created_at = row
    return {"id": company_id, "name": name, "active": bool(active), "created_at": iso_time(created_at)}


OPERATIONS = (
    Operation(
        "company add",
        AddCompany,
        add,
        role="admin",
        guard=signed_in(
            "Adds a tenant that can have vehicles and applications.",
            "It has none yet, and each has its own guard; the operator is on record.",
        ),
    ),
    Operation("company list", ListCompanies, list_all, guard=reads()),
    Operation("company show", ShowCompany, show, guard=reads()),
    Operation(
        "company set",
        SetCompany,
        change,
        role="admin",
        guard=depends(
            when(_reactivates, Need.SIGN_IN),
            "Readmits a company's applications.",
            "It closes, after which operators can still enable vehicles; or renames what no open change names.",
        ),
    ),
)
