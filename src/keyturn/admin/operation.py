"""Administration operations: a name, typed arguments, a guard, and a function that runs in one transaction."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec

from keyturn.admin.guards import ALWAYS, Guard
from keyturn.audit import journal
from keyturn.auth.keyring import Keyring
from keyturn.auth.principal import Operator, Role
from keyturn.clock import SECOND
from keyturn.connectors.accounts import CredentialUse, NameSpaces
from keyturn.errors import OperationError
from keyturn.store.port import Tx

Answer = dict[str, Any]
"""JSON-ready; instants are RFC 3339."""


class Installation(msgspec.Struct, frozen=True):
    """The names that operations may refer to, and the settings of administration."""

    connectors: frozenset[str]
    commands: frozenset[str]
    sensitive: frozenset[str]
    """Commands that an application gets only if they are granted by name."""
    reads: frozenset[str] = frozenset()
    """Commands that only read: granting them relaxes no safeguard."""
    credentials: dict[str, CredentialUse] = {}
    """By connector: the credentials that its definition uses, where that is known."""
    delay: int = 600 * SECOND
    """Microseconds of notice before a change takes effect; 0: an admin who is alone does not wait."""
    name_spaces: NameSpaces = NameSpaces()
    """Within one of them an external id means one vehicle."""


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every operation's arguments; an argument that is left out has its default."""


class Session(msgspec.Struct, frozen=True):
    """The transaction of one operation, and on whose behalf it runs."""

    tx: Tx
    keyring: Keyring
    installation: Installation
    actor: str
    operator: Operator | None = None
    """The operator who signed in; None: the shell of the server's own user."""
    approved_by: str | None = None
    """Id of the operator who approved the pending change that this operation was."""
    operations: "tuple[Operation, ...]" = ()
    """The whole table, with what is bound to this node."""

    @property
    def author(self) -> str:
        """The operator's id as it is stored with what it created, or ``local`` for the shell."""
        return self.operator.id if self.operator else "local"

    def record(self, kind: str, company_id: str | None, vehicle_id: str | None = None, **body: Any) -> None:
        """Write an audit entry; `body` holds no secret."""
        journal.record(self.tx, kind, company_id=company_id, actor=self.actor, vehicle_id=vehicle_id, **body)


Run = Callable[[Session, Any], Answer]
"""Does an operation, given an instance of its arguments. Raises `OperationError`."""


def needs_server(_session: Session, _arguments: Any) -> Answer:
    """`run` of an operation that a node implements; refuses where none is running. Raises `OperationError`."""
    raise OperationError("server_needed", "Only a running server can do this: it knows what the connectors offer.")


class OneTimeSecret(msgspec.Struct, frozen=True):
    """A secret that an operation makes. It is shown once: at once, or when the proposer of the change collects it."""

    when: Callable[[Session, Any], bool]
    """Whether this use of the operation makes one."""
    make: Callable[[Session, Any, Answer], Answer]
    """Given the answer of `run`: the answer with the secret."""


def _always(_signed_in_as: str | None, _arguments: dict[str, Any]) -> bool:
    return True


class Operation(msgspec.Struct, frozen=True):
    """One row of the table `keyturn.operations.OPERATIONS`, which the command line and the local socket offer."""

    name: str
    """Noun and verb, as in ``company add``."""
    arguments: type[Arguments]
    run: Run
    """`needs_server` where only a running node can do it; see `keyturn.operations.bind`."""
    signed_in: bool = False
    """Needs an operator who signed in with a second factor."""
    role: Role | None = None
    """The least role of a signed-in operator; None: any."""
    guard: Guard = ALWAYS
    """Its risk, and what it requires where an admin is in charge."""
    shared: bool = False
    """Open to a company's operators although it has no `company` among its arguments."""
    secret: tuple[str, ...] = ()
    """Arguments that are prompted for without echo, and stored only sealed."""
    prompts: Callable[[str | None, dict[str, Any]], bool] = _always
    """Whether the command line prompts for `secret`, given the name that signs in and the other arguments."""
    one_time_secret: OneTimeSecret | None = None
    """Of a change that took effect after its notice, it is made only when the proposer collects it."""
    despite_lock: bool = False
    """Open, with password and code, to an operator whose sign-ins are locked."""
    sealed: tuple[str, ...] = ()
    """Further arguments that are stored only sealed."""
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Work on the arguments that takes too long for a transaction. Raises `OperationError`."""
    cli_command: str | None = None
    """Its hand-written command, as in ``keyturn ready``; None: the command line makes a verb from this row."""


def find_operation(operations: Iterable[Operation], name: str) -> Operation:
    """The operation of that name. Raises `OperationError` when there is none."""
    operation = next((operation for operation in operations if operation.name == name), None)
    if operation is None:
        raise unknown_operation(name)
    return operation


def run_operation(session: Session, operation: Operation, arguments: Arguments) -> Answer:
    """Do it now, with the secret that it makes. Raises `OperationError`."""
    answer, secret = operation.run(session, arguments), operation.one_time_secret
    return secret.make(session, arguments, answer) if secret and secret.when(session, arguments) else answer


def unknown_operation(name: str) -> OperationError:
    return OperationError("unknown_operation", f"There is no operation '{name}'.")


def parse_arguments(operation: Operation, arguments: dict[str, Any]) -> Arguments:
    """JSON arguments as the operation's own type. Raises `OperationError`."""
    try:
        return msgspec.convert(arguments, operation.arguments)
    except msgspec.ValidationError as error:
        raise OperationError("invalid_arguments", f"{operation.name}: {error}.") from None


@cache
def _defaults(arguments: type[Arguments]) -> dict[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(arguments)}


def changed_fields(arguments: Arguments, *names: str) -> dict[str, Any]:
    """The named arguments that differ from their defaults. Raises `OperationError` when none does."""
    defaults = _defaults(type(arguments))
    changes = {name: getattr(arguments, name) for name in names}
    changes = {name: value for name, value in changes.items() if value is not defaults[name]}
    if not changes:
        raise OperationError("nothing_to_change", f"Nothing to change: give at least one of {', '.join(names)}.")
    return changes
