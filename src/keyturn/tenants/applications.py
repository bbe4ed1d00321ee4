"""Operations that add and change applications of a company; their secrets are shown once, when they are made."""

import uuid

import msgspec

from keyturn.admin import conflicts, operators
from keyturn.admin.guards import Need, depends, reads, when
from keyturn.admin.operation import Answer, Arguments, OneTimeSecret, Operation, Session, changed_fields
from keyturn.admin.pinned_references import refuse_renaming
from keyturn.admin.references import (
    APPLICATION,
    COMPANY,
    checked_members,
    checked_name,
    name_taken,
    resolve,
)
from keyturn.auth.principal import Signing
from keyturn.auth.tokens import new_client_id
from keyturn.store.port import ReadTx
from keyturn.tenants.application_secrets import add_sign_secret, replace_client_secret
from keyturn.tenants.application_views import ListApplications, ShowApplication, application_view, list_all, show
from keyturn.tenants.immobilisation_guard import count_immobilised_of_company

_ADD = """
INSERT INTO application
  (id, company_id, name, client_id, client_secret_hash, secret_version, grants, active, created_by, created_at)
VALUES (:id, :company_id, :name, :client_id, '', 0, :grants, 1, :author, :now)
ON CONFLICT (company_id, name) DO NOTHING
"""
_NAME_OF_ANOTHER = "SELECT 1 FROM application WHERE company_id = :company_id AND name = :name AND id <> :id"
_SET = """
UPDATE application
SET name = coalesce(:name, name), active = coalesce(:active, active), grants = coalesce(:grants, grants),
    signing = coalesce(:signing, signing)
WHERE id = :id
"""


class AddApplication(Arguments, frozen=True):
    company: str
    name: str
    grants: tuple[str, ...] | None = None
    """None: every command that is not sensitive."""


class SetApplication(Arguments, frozen=True):
    application: str
    company: str | None = None
    name: str | None = None
    active: bool | None = None
    grants: tuple[str, ...] | None = None
    """Replaces all of them."""
    signing: Signing | None = None
    responsible: tuple[str, ...] | None = None
    """Ids or names of operators; replaces all of them."""


def add(session: Session, arguments: AddApplication) -> Answer:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    name, grants = checked_name("application", arguments.name), _grants(session, arguments.grants)
    application_id = str(uuid.uuid4())
    added = session.tx.run(
        _ADD,
        id=application_id,
        company_id=company_id,
        name=name,
        client_id=new_client_id(),
        grants=_json(grants),
        author=session.author,
        now=session.tx.now,
    )
    if not added:
        raise name_taken("application of this company", name)
    conflicts.record_involvement(session.tx, application_id, session.author, "made")
    if set(grants) - session.installation.reads:
        _record_granting(session, application_id)
    session.record("application.added", company_id, application_id=application_id, name=name, grants=grants)
    return application_view(session.tx, application_id)


def _first_secrets(session: Session, _arguments: AddApplication, application: Answer) -> Answer:
    """Before these are made nothing is accepted from the application."""
    tx, application_id = session.tx, application["id"]
    client_secret = replace_client_secret(tx, session.keyring, application_id)
    sign_secret = add_sign_secret(tx, session.keyring, application_id)
    return application_view(tx, application_id) | {"client_secret": client_secret, "sign_secret": sign_secret}


def change(session: Session, arguments: SetApplication) -> Answer:
    application_id = resolve(session.tx, APPLICATION, arguments.application, arguments.company)
    changes = changed_fields(arguments, "name", "active", "grants", "signing", "responsible")
    company_id = application_view(session.tx, application_id)["company_id"]
    name, active = changes.get("name"), changes.get("active")
    if _relaxes_safeguard(session, arguments):
        _record_granting(session, application_id)
    if name is not None:
        _refuse_taken_name(session.tx, company_id, application_id, checked_name("application", name))
    if "grants" in changes:
        changes["grants"] = _grants(session, changes["grants"])
    grants = _json(changes["grants"]) if "grants" in changes else None
    session.tx.run(
        _SET,
        id=application_id,
        name=name,
        active=None if active is None else int(active),
        grants=grants,
        signing=changes.get("signing"),
    )
    if "responsible" in changes:
        changes["responsible"] = operators.replace_owners(
            session.tx, application_id, company_id, changes["responsible"]
        )
    if active is False:
        changes["immobilised"] = count_immobilised_of_company(session.tx, company_id)
    session.record("application.changed", company_id, application_id=application_id, **changes)
    return application_view(session.tx, application_id)


def _grants_acting(session: Session, arguments: AddApplication) -> bool:
    """Whether it may do more than read."""
    return bool(set(_grants(session, arguments.grants)) - session.installation.reads)


def _relaxes_safeguard(session: Session, arguments: SetApplication) -> bool:
    """Whether the change adds grants, readmits it, accepts older signatures, or removes a responsible operator."""
    application_id = resolve(session.tx, APPLICATION, arguments.application, arguments.company)
    before, named = application_view(session.tx, application_id), arguments.responsible
    return bool(
        set(arguments.grants or ()) - set(before["grants"])
        or (arguments.active and not before["active"])
        or relaxes_signing(before["signing"], arguments.signing or before["signing"])
        or (named is not None and operators.leaves_out_owner(session.tx, application_id, before["company_id"], named))
    )


def _need(session: Session, arguments: SetApplication) -> Need:
    if _relaxes_safeguard(session, arguments):
        return Need.CHANGE
    return Need.NOTHING if arguments.name is None else Need.SIGN_IN


def relaxes_signing(before: Signing, after: Signing) -> bool:
    """Whether signatures that were refused before are accepted after the change."""
    return before == "v2" and after == "any"


def _grants(session: Session, chosen: tuple[str, ...] | None) -> list[str]:
    known = session.installation.commands
    if chosen is None:
        return sorted(known - session.installation.sensitive)
    return checked_members("command", chosen, known)


def _refuse_taken_name(tx: ReadTx, company_id: str, application_id: str, name: str) -> None:
    if tx.one(_NAME_OF_ANOTHER, company_id=company_id, name=name, id=application_id):
        raise name_taken("application of this company", name)
    if name != application_view(tx, application_id)["name"]:
        refuse_renaming(tx, application_id, "application")


def _record_granting(session: Session, application_id: str) -> None:
    """Record the involvement of the operators who proposed and approved what it may do."""
    for who in {session.author, session.approved_by} - {None}:
        conflicts.record_involvement(session.tx, application_id, str(who), "granted")


def _json(grants: list[str]) -> str:
    return msgspec.json.encode(grants).decode()


OPERATIONS = (
    Operation(
        "application add",
        AddApplication,
        add,
        role="admin",
        guard=depends(
            when(_grants_acting, Need.SIGN_IN),
            "Makes credentials that act on vehicles.",
            "Reading affects no vehicle; the operator is on record.",
        ),
        one_time_secret=OneTimeSecret(lambda _session, _arguments: True, _first_secrets),
    ),
    Operation("application list", ListApplications, list_all, guard=reads()),
    Operation("application show", ShowApplication, show, guard=reads()),
    Operation(
        "application set",
        SetApplication,
        change,
        role="admin",
        guard=depends(
            _need,
            "Gives an application more rights, or fewer people who supervise it.",
            "It removes rights, at once, from a compromised application; operators can still enable its vehicles.",
        ),
    ),
)
