"""Turns a guarded use of an operation into a pending change, where an admin is in charge."""

from keyturn.admin import authorization, conflicts, operators, pending_changes, pinned_references
from keyturn.admin.guards import Need
from keyturn.admin.operation import Answer, Arguments, Operation, Session, run_operation
from keyturn.errors import OperationError


def propose_if_guarded(session: Session, operation: Operation, arguments: Arguments) -> Answer | None:
    """The answer of a guarded use, which is a pending change; None: do it now.

    Without an admin in charge nothing is guarded, except that the shell does not change what belongs to the whole
    installation past the admins of companies. Raises `OperationError`.
    """
    tx, need = session.tx, operation.guard.need(session, arguments)
    if need is Need.NOTHING:
        return None
    company_id = authorization.company_of(tx, arguments)
    in_charge = operators.admins(tx, company_id, tx.now)
    if not in_charge:
        _refuse_past_companies(session, operation, need, company_id)
        return None
    proposer = authorization.signed_in_operator(session, second_factor=True)
    if conflicts.is_unsupervised(tx, proposer.id, tx.now):
        raise OperationError(
            "not_independent",
            "The operator was hired, raised or given credentials from the shell, past every admin, within the last"
            " seven days: until then the operator changes nothing that is guarded.",
        )
    if need is Need.SIGN_IN:
        return None
    if not (proposer.ranks("admin") and operators.covers(proposer, company_id)):
        raise authorization.role_required("admin")
    pinned, references = pinned_references.pin_references(tx, arguments, company_id)
    deciding = {each for each in in_charge if not conflicts.is_unsupervised(tx, each, tx.now)}
    alone = deciding == {proposer.id}
    change = pending_changes.add(session, operation, pinned, references, company_id, alone=alone)
    if not alone or session.installation.delay:
        return pending_changes.change_view(change)
    pending_changes.end(tx, change, "applied", "change.applied", session.actor)
    return run_operation(session, operation, pinned)


def _refuse_past_companies(session: Session, operation: Operation, need: Need, company_id: str | None) -> None:
    """Plans and the like affect companies, whose admins cannot approve them. Raises `OperationError`."""
    if need is not Need.CHANGE or company_id is not None or operation.guard.bootstraps:
        return
    if conflicts.companies_with_admins(session.tx):
        raise OperationError(
            "installation_admin_needed",
            "Companies have admins in charge, and this reaches into them: it takes an admin of the whole installation.",
        )
