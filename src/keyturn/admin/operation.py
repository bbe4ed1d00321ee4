"""What administration operations are made of: a name, arguments, and a function within one transaction."""

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
"""JSON-ready. Instants are RFC 3339."""


class Installation(msgspec.Struct, frozen=True):
    """What this installation knows, by name."""

    connectors: frozenset[str]
    commands: frozenset[str]
    sensitive: frozenset[str]
    """Commands that an application is granted only by name."""
    reads: frozenset[str] = frozenset()
    """Commands that only read: to grant them loosens nothing."""
    credentials: dict[str, CredentialUse] = {}
    """By connector: which credentials its definition uses, where that is known."""
    delay: int = 600 * SECOND
    """How long the notice of a change lasts. Nothing: an admin who is alone need not wait."""
    name_spaces: NameSpaces = NameSpaces()
    """Within which an external id is one car."""


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The arguments of one operation; one that is left out has its default."""


class Session(msgspec.Struct, frozen=True):
    """What an operation works with."""

    tx: Tx
    keyring: Keyring
    installation: Installation
    actor: str
    operator: Operator | None = None
    """Who signed in for it."""
    approved_by: str | None = None
    """Id of the operator who approved it, where it is a change that waited."""
    operations: "tuple[Operation, ...]" = ()
    """Every one that there is."""

    @property
    def author(self) -> str:
        """What is kept of who made something: an operator's id, or ``local``."""
        return self.operator.id if self.operator else "local"

    def record(self, kind: str, company_id: str | None, vehicle_id: str | None = None, **body: Any) -> None:
        """Write the audit entry of a change; `body` holds no secret."""
        journal.record(self.tx, kind, company_id=company_id, actor=self.actor, vehicle_id=vehicle_id, **body)


def needs_server(_session: Session, _arguments: Any) -> Answer:
    """What an operation does where no server runs that could. Raises `OperationError`."""
    raise OperationError("server_needed", "Only a running server can do this: it knows what the connectors offer.")


class OneTimeSecret(msgspec.Struct, frozen=True):
    """A secret that an operation makes. It is shown once: at once, or to the proposer who comes for it."""

    when: Callable[[Session, Any], bool]
    """Whether this use of the operation makes one."""
    make: Callable[[Session, Any, Answer], Answer]
    """Given what `run` answered: the answer with the secret."""


def _always(_signed_in_as: str | None, _arguments: dict[str, Any]) -> bool:
    return True


class Operation(msgspec.Struct, frozen=True):
    """One row of the table that the CLI and the admin socket offer."""

    name: str
    """Noun and verb, as in ``company add``."""
    arguments: type[Arguments]
    run: Callable[[Session, Any], Answer]
    """Called with an instance of `arguments`."""
    signed_in: bool = False
    """Needs an operator with a second factor."""
    role: Role | None = None
    """What a signed-in operator must at least be."""
    guard: Guard = ALWAYS
    """What it may harm, and what stands before it where an admin is in charge."""
    shared: bool = False
    """Open to a company's operators although it has no `company` among its arguments."""
    secret: tuple[str, ...] = ()
    """Arguments that are asked for without echo, and kept only sealed."""
    asks: Callable[[str | None, dict[str, Any]], bool] = _always
    """Whether the command line asks for them, given whom it signs in and what was given."""
    makes: OneTimeSecret | None = None
    """Its secret, which a change that took effect later makes only when it is fetched."""
    despite_lock: bool = False
    """Open, with password and code, to an operator whose sign-ins are locked."""
    sealed: tuple[str, ...] = ()
    """Further arguments that are kept only sealed."""
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Work on the arguments that takes too long for a transaction. Raises `OperationError`."""


def find(operations: Iterable[Operation], name: str) -> Operation:
    """Raises `OperationError` when there is none of that name."""
    operation = next((operation for operation in operations if operation.name == name), None)
    if operation is None:
        raise unknown_operation(name)
    return operation


def run_operation(session: Session, operation: Operation, arguments: Arguments) -> Answer:
    """Do it now, with the secret that it makes. Raises `OperationError`."""
    answer = operation.run(session, arguments)
    makes = operation.makes
    return makes.make(session, arguments, answer) if makes and makes.when(session, arguments) else answer


def unknown_operation(name: str) -> OperationError:
    return OperationError("unknown_operation", f"There is no operation '{name}'.")


def parse_arguments(operation: Operation, arguments: dict[str, Any]) -> Arguments:
    """The arguments as the operation takes them. Raises `OperationError`."""
    try:
        return msgspec.convert(arguments, operation.arguments)
    except msgspec.ValidationError as error:
        raise OperationError("invalid_arguments", f"{operation.name}: {error}.") from None


@cache
def _defaults(arguments: type[Arguments]) -> dict[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(arguments)}


def changed_fields(arguments: Arguments, *names: str) -> dict[str, Any]:
    """The named arguments that differ from their default. Raises `OperationError` when none does."""
    defaults = _defaults(type(arguments))
    changes = {name: getattr(arguments, name) for name in names}
    changes = {name: value for name, value in changes.items() if value is not defaults[name]}
    if not changes:
        raise OperationError("nothing_to_change", f"Nothing to change: give at least one of {', '.join(names)}.")
    return changes
