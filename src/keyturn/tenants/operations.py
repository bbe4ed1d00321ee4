"""Every administration operation, and the one way to perform one."""

from collections.abc import Iterable
from typing import Any

import msgspec

from keyturn.store.port import Tx
from keyturn.tenants import accounts, applications, companies, enrolment, plans, rotation, vehicles
from keyturn.tenants.administration import Answer, Installation, Operation, OperationError, Session
from keyturn.tenants.keyring import Keyring

OPERATIONS: tuple[Operation, ...] = (
    *companies.OPERATIONS,
    *applications.OPERATIONS,
    *rotation.OPERATIONS,
    *plans.OPERATIONS,
    *accounts.OPERATIONS,
    *enrolment.OPERATIONS,
    *vehicles.OPERATIONS,
)


def perform(
    tx: Tx,
    keyring: Keyring,
    installation: Installation,
    name: str,
    arguments: dict[str, Any],
    actor: str,
    operations: Iterable[Operation] = OPERATIONS,
) -> Answer:
    """Do one of `operations` in `tx` on behalf of `actor`, as in ``operator:local``. Raises `OperationError`."""
    operation = next((operation for operation in operations if operation.name == name), None)
    if operation is None:
        raise OperationError("unknown_operation", f"There is no operation '{name}'.")
    try:
        converted = msgspec.convert(arguments, operation.arguments)
    except msgspec.ValidationError as error:
        raise OperationError("invalid_arguments", f"{name}: {error}.") from None
    return operation.run(Session(tx, keyring, installation, actor), converted)
