"""Operations on pending changes: list, show, approve, withdraw, and collect the secret of one."""

from typing import Annotated

from msgspec import Meta

from keyturn.admin import authorization, change_execution, pending_changes
from keyturn.admin.conflicts import have_conflict, is_unsupervised
from keyturn.admin.guards import at_once, reads, signed_in
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.admin.pending_changes import Change
from keyturn.admin.references import resolve_company
from keyturn.errors import OperationError


class ListChanges(Arguments, frozen=True):
    company: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class NameChange(Arguments, frozen=True):
    change: str
    """Id."""
    company: str | None = None


def list_all(session: Session, arguments: ListChanges) -> Answer:
    company_id = resolve_company(session.tx, arguments.company)
    return {
        "changes": [
            pending_changes.change_view(each)
            for each in pending_changes.newest(session.tx, company_id, arguments.limit)
        ]
    }


def show(session: Session, arguments: NameChange) -> Answer:
    return pending_changes.change_view(_named(session, arguments))


def approve(session: Session, arguments: NameChange) -> Answer:
    tx, change = session.tx, _named(session, arguments)
    approver = authorization.signed_in_operator(session, second_factor=True)
    if change.state != "waiting" or (change.lapses_at or 0) <= tx.now:
        raise OperationError("not_waiting", "The change does not wait for an approval.")
    if approver.id == change.proposed_by:
        raise OperationError("own_change", "Nobody approves a change that is their own.")
    if any(is_unsupervised(tx, each, tx.now) for each in (approver.id, change.proposed_by)):
        raise OperationError(
            "not_independent",
            "One of the two was hired, raised or given credentials from the shell, past every admin, within the last"
            " seven days.",
        )
    if have_conflict(tx, approver.id, change.proposed_by, tx.now):
        raise OperationError(
            "not_independent",
            "One of the two hired the other, or reset the other's password or second factor, within the last seven"
            " days.",
        )
    pending_changes.approve(tx, change, approver, session.installation.delay)
    return pending_changes.change_view(pending_changes.load(tx, change.id))


def withdraw(session: Session, arguments: NameChange) -> Answer:
    """Ends it without an effect; any one admin may, and the shell."""
    tx, change = session.tx, _named(session, arguments)
    if change.state not in ("waiting", "pending"):
        raise OperationError("not_open", f"The change is {change.state}.")
    pending_changes.end(tx, change, "withdrawn", "change.withdrawn", session.actor)
    return pending_changes.change_view(pending_changes.load(tx, change.id))


def collect(session: Session, arguments: NameChange) -> Answer:
    """The secret that a change makes for its proposer, once."""
    return change_execution.collect(session, _named(session, arguments))


def _named(session: Session, arguments: NameChange) -> Change:
    company_id = resolve_company(session.tx, arguments.company)
    return pending_changes.load(session.tx, arguments.change.lower(), company_id)


OPERATIONS = (
    Operation("change list", ListChanges, list_all, guard=reads()),
    Operation("change show", NameChange, show, guard=reads()),
    Operation(
        "change approve",
        NameChange,
        approve,
        signed_in=True,
        role="admin",
        guard=signed_in(
            "Lets a change through.",
            "It is the second person: never the proposer, nor one with a conflict of interest.",
        ),
    ),
    Operation(
        "change withdraw",
        NameChange,
        withdraw,
        role="admin",
        guard=at_once(
            "Keeps a change from being made.",
            "Everything stays as it is. It must be possible within the notice, also while sign-ins are locked.",
        ),
        despite_lock=True,
    ),
    Operation(
        "change collect",
        NameChange,
        collect,
        signed_in=True,
        role="admin",
        guard=signed_in(
            "Shows a secret.",
            "The change that makes it was announced, approved and delayed; only its proposer can fetch it, once.",
        ),
    ),
)
