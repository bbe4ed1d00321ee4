"""Authorization of administration: role, second factor and company of a signed-in operator, checked at one place."""

from typing import Any

import msgspec

from keyturn.admin import operators
from keyturn.admin.operation import Arguments, Operation, Session, unknown_operation
from keyturn.admin.references import ACCOUNT, APPLICATION, COMMAND, COMPANY, OPERATOR, VEHICLE, Noun, resolve
from keyturn.auth.principal import Operator
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx

_COMPANY = "company"
_OWNED: dict[str, tuple[Noun, str]] = {
    "vehicle": (VEHICLE, "SELECT company_id FROM vehicle WHERE id = :id"),
    "application": (APPLICATION, "SELECT company_id FROM application WHERE id = :id"),
    "command": (COMMAND, "SELECT company_id FROM command WHERE id = :id"),
    "person": (OPERATOR, "SELECT company_id FROM operator WHERE id = :id"),
    "account": (ACCOUNT, "SELECT company_id FROM oem_account WHERE id = :id"),
}
"""Noun and owner by argument. The vehicle comes before its account, which is one of the same company."""
_OWN = "SELECT 1 FROM company WHERE id = :id AND (id = :named OR name = :named)"
"""One query for any name, so that the number of queries does not disclose other companies."""


def check_permitted(session: Session, operation: Operation) -> None:
    """Raises `OperationError` when the session may not do the operation at all."""
    operator = session.operator
    if operator is not None and not operators.is_current(session.tx, operator):
        raise OperationError("sign_in_refused", "The operator was changed meanwhile; sign in again.")
    if operation.signed_in:
        signed_in_operator(session, second_factor=True)
    if operator is not None and operation.role is not None and not operator.ranks(operation.role):
        raise role_required(operation.role)


def signed_in_operator(session: Session, *, second_factor: bool) -> Operator:
    """The operator who signed in. Raises `OperationError` without one, or without a `second_factor` that is needed."""
    operator = session.operator
    if operator is None or (second_factor and not operator.second_factor):
        how = " with a code of the second factor" if second_factor else ""
        raise OperationError("sign_in_required", f"This needs an operator who signed in{how}: give --operator.")
    return operator


def scoped_to_company(session: Session, operation: Operation, arguments: Arguments) -> Arguments:
    """The arguments, limited to the operator's company where it has one. Raises `OperationError` for another one."""
    operator = session.operator
    if operator is None or operator.company_id is None:
        return arguments
    if _COMPANY not in operation.arguments.__struct_fields__:
        if operation.shared:
            return arguments
        raise unknown_operation(operation.name)
    named: str | None = getattr(arguments, _COMPANY)
    if named is not None and session.tx.one(_OWN, id=operator.company_id, named=named) is None:
        raise OperationError("not_found", f"There is no company '{named}'.")
    return msgspec.structs.replace(arguments, company=operator.company_id)


def company_of(tx: ReadTx, arguments: Any) -> str | None:
    """The company that owns what the arguments refer to; None: the installation. Raises `OperationError`."""
    company: str | None = getattr(arguments, _COMPANY, None)
    if company is not None:
        return resolve(tx, COMPANY, company)
    for argument, (noun, owner) in _OWNED.items():
        reference = getattr(arguments, argument, None)
        if reference is not None:
            row = tx.one(owner, id=resolve(tx, noun, reference))
            return None if row is None else row[0]
    return None


def role_required(role: str) -> OperationError:
    return OperationError("role_required", f"This needs an operator with the role '{role}'.")
