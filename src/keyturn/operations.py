"""The one table of administration operations, and the one way to perform one.

A module declares its rows as ``OPERATIONS``; the command line makes its verbs from the table, and the local socket
serves it. A row whose `run` is `needs_server` is bound by a running node, by its name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from keyturn.admin import (
    authorization,
    change_review,
    clock_operations,
    deferred_work,
    operator_accounts,
    operator_credentials,
    proposals,
)
from keyturn.admin.operation import (
    Answer,
    Installation,
    Operation,
    Run,
    Session,
    find_operation,
    needs_server,
    parse_arguments,
    run_operation,
)
from keyturn.alerts import operations as alerts
from keyturn.auth.keyring import Keyring
from keyturn.auth.principal import Operator
from keyturn.commands.admission import dry_run
from keyturn.commands.operations import approvals, command_details
from keyturn.dossier import dossier
from keyturn.immobilisation import operations as immobilisation
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
    *dry_run.OPERATIONS,
    *operator_accounts.OPERATIONS,
    *operator_credentials.OPERATIONS,
    *change_review.OPERATIONS,
    *policies.OPERATIONS,
    *kill_switches.OPERATIONS,
    *limits.OPERATIONS,
    *approvals.OPERATIONS,
    *command_details.OPERATIONS,
    *dossier.OPERATIONS,
    *immobilisation.OPERATIONS,
    *alerts.OPERATIONS,
    *checkpoint_operations.OPERATIONS,
    *clock_operations.OPERATIONS,
    *deferred_work.OPERATIONS,
)


def bind(implementations: Mapping[str, Run]) -> tuple[Operation, ...]:
    """The table with the functions of a running node, by operation. Raises `ValueError` for one that needs none."""
    needing = {operation.name for operation in OPERATIONS if operation.run is needs_server}
    if unknown := implementations.keys() - needing:
        raise ValueError(f"no such operation needs a server: {', '.join(sorted(unknown))}")
    return tuple(
        msgspec.structs.replace(operation, run=implementations.get(operation.name, operation.run))
        for operation in OPERATIONS
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
    """Do one of `operations` in `tx`, on behalf of the signed-in `operator`, else of `actor`.

    A guarded use is not done where an admin is in charge: the answer is the pending change. Raises `OperationError`.
    """
    table = tuple(operations)
    operation = find_operation(table, name)
    who = f"operator:{operator.id}" if operator else actor
    session = Session(tx, keyring, installation, who, operator, operations=table)
    authorization.check_permitted(session, operation)
    scoped = authorization.scoped_to_company(session, operation, parse_arguments(operation, arguments))
    return proposals.propose_if_guarded(session, operation, scoped) or run_operation(session, operation, scoped)


def preprocess(
    name: str, arguments: dict[str, Any], operations: Iterable[Operation] = OPERATIONS
) -> tuple[str, dict[str, Any]]:
    """Name and arguments for `perform`, after work that takes too long for a transaction. Raises `OperationError`."""
    prepare = find_operation(operations, name).prepare
    return name, prepare(arguments) if prepare else arguments
