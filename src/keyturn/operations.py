"""Every administration operation, and the one way to perform one."""

from collections.abc import Iterable
from typing import Any

from keyturn.admin import authorization, change_review, operator_accounts, operator_credentials, proposals
from keyturn.admin.operation import Answer, Installation, Operation, Session, find, parse_arguments, run_operation
from keyturn.auth.keyring import Keyring
from keyturn.auth.principal import Operator
from keyturn.store.port import Tx
from keyturn.tenants import (
    accounts,
    application_secrets,
    applications,
    checkpoint_operations,
    companies,
    enrolment,
    kill_switches,
    limits,
    plans,
    policies,
    vehicle_operations,
)

OPERATIONS: tuple[Operation, ...] = (
    *companies.OPERATIONS,
    *applications.OPERATIONS,
    *application_secrets.OPERATIONS,
    *plans.OPERATIONS,
    *accounts.OPERATIONS,
    *enrolment.OPERATIONS,
    *vehicle_operations.OPERATIONS,
    *operator_accounts.OPERATIONS,
    *operator_credentials.OPERATIONS,
    *change_review.OPERATIONS,
    *policies.OPERATIONS,
    *kill_switches.OPERATIONS,
    *limits.OPERATIONS,
    *checkpoint_operations.OPERATIONS,
)


def perform(
    tx: Tx,
    keyring: Keyring,
    installation: Installation,
    name: str,
    arguments: dict[str, Any],
    actor: str,
    operations: Iterable[Operation] = OPERATIONS,
    operator: Operator | None = None,
) -> Answer:
    """Do one of `operations` in `tx` on behalf of who signed in, else of `actor`. Raises `OperationError`.

    What is guarded is not done where an admin is in charge: the answer says what it waits for.
    """
    table = tuple(operations)
    operation = find(table, name)
    who = f"operator:{operator.id}" if operator else actor
    session = Session(tx, keyring, installation, who, operator, operations=table)
    authorization.check(session, operation)
    fenced = authorization.scoped_to_company(session, operation, parse_arguments(operation, arguments))
    return proposals.propose_if_guarded(session, operation, fenced) or run_operation(session, operation, fenced)


def preprocess(
    name: str, arguments: dict[str, Any], operations: Iterable[Operation] = OPERATIONS
) -> tuple[str, dict[str, Any]]:
    """An order as `perform` takes it: what takes too long for a transaction is done. Raises `OperationError`."""
    prepare = find(operations, name).prepare
    return name, prepare(arguments) if prepare else arguments
