"""What stands between asking for an administration operation and its being done, where an admin is in charge."""

from keyturn.tenants import authority, changes, operators, pinning
from keyturn.tenants.administration import Answer, Arguments, Operation, Session, carried_out
from keyturn.tenants.guards import Need


def proposed(session: Session, operation: Operation, arguments: Arguments) -> Answer | None:
    """The answer of what is guarded; None: it is done at once, as if nothing stood before it.

    Where no admin is in charge there is nobody to ask, and nothing is guarded. Raises `OperationError`.
    """
    tx, need = session.tx, operation.guard.need(session, arguments)
    if need is Need.NOTHING:
        return None
    company_id = authority.company_of(tx, arguments)
    in_charge = operators.admins(tx, company_id, tx.now)
    if not in_charge:
        return None
    proposer = authority.person(session, second_factor=True)
    if need is Need.SIGN_IN:
        return None
    if not (proposer.ranks("admin") and operators.covers(proposer, company_id)):
        raise authority.role_required("admin")
    meant, names = pinning.pinned(tx, arguments, company_id)
    alone = in_charge == [proposer.id]
    change = changes.add(session, operation, meant, names, company_id, alone=alone)
    if not alone or session.installation.delay:
        return changes.shown(change)
    changes.end(tx, change, "applied", "change.applied", session.actor)
    return carried_out(session, operation, meant)
