"""Every administration operation, and the one way to perform one."""

from collections.abc import Iterable
from typing import Any

from keyturn.store.port import Tx
from keyturn.tenants import (
    accounts,
    applications,
    approvals,
    authority,
    changes,
    checkpoints,
    companies,
    enrolment,
    limits,
    own_credentials,
    plans,
    policies,
    rotation,
    staff,
    switches,
    vehicles,
)
from keyturn.tenants.administration import Answer, Installation, Operation, Session, find, understood
from keyturn.tenants.keyring import Keyring
from keyturn.tenants.principal import Operator

OPERATIONS: tuple[Operation, ...] = (
    *companies.OPERATIONS,
    *applications.OPERATIONS,
    *rotation.OPERATIONS,
    *plans.OPERATIONS,
    *accounts.OPERATIONS,
    *enrolment.OPERATIONS,
    *vehicles.OPERATIONS,
    *staff.OPERATIONS,
    *own_credentials.OPERATIONS,
    *approvals.OPERATIONS,
    *policies.OPERATIONS,
    *switches.OPERATIONS,
    *limits.OPERATIONS,
    *checkpoints.OPERATIONS,
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

    A change that loosens is not done where operators are in charge: the answer says what it waits for.
    """
    operation = find(operations, name)
    session = Session(tx, keyring, installation, f"operator:{operator.id}" if operator else actor, operator)
    authority.check(session, operation)
    fenced = authority.fenced(session, operation, understood(operation, arguments))
    return changes.proposed(session, operation, fenced) or operation.run(session, fenced)


def prepared(
    name: str, arguments: dict[str, Any], operations: Iterable[Operation] = OPERATIONS
) -> tuple[str, dict[str, Any]]:
    """An order as `perform` takes it: what takes too long for a transaction is done. Raises `OperationError`."""
    prepare = find(operations, name).prepare
    return name, prepare(arguments) if prepare else arguments
