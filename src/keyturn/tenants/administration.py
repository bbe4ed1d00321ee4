"""What administration operations are made of: a name, arguments, and a function within one transaction."""

from collections.abc import Callable
from typing import Any

import msgspec

from keyturn.audit import journal
from keyturn.store.port import Tx
from keyturn.tenants.keyring import Keyring

Answer = dict[str, Any]
"""JSON-ready. Instants are RFC 3339."""


class OperationError(Exception):
    """An operation cannot be done. `code` is stable; the message is one clear sentence for the operator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Installation(msgspec.Struct, frozen=True):
    """What this installation knows, by name."""

    connectors: frozenset[str]
    commands: frozenset[str]
    sensitive: frozenset[str]
    """Commands that an application is granted only by name."""


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The arguments of one operation; one that is left out has its default."""


class Session(msgspec.Struct, frozen=True):
    """What an operation works with."""

    tx: Tx
    keyring: Keyring
    installation: Installation
    actor: str

    def record(self, kind: str, company_id: str | None, vehicle_id: str | None = None, **body: Any) -> None:
        """Write the audit entry of a change; `body` holds no secret."""
        journal.record(self.tx, kind, company_id=company_id, actor=self.actor, vehicle_id=vehicle_id, **body)


class Operation(msgspec.Struct, frozen=True):
    """One row of the table that the CLI and the admin socket offer."""

    name: str
    """Noun and verb, as in ``company add``."""
    arguments: type[Arguments]
    run: Callable[[Session, Any], Answer]
    """Called with an instance of `arguments`."""


def given(arguments: Arguments, *names: str) -> dict[str, Any]:
    """The named arguments that differ from their default. Raises `OperationError` when none does."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(arguments)}
    changes = {name: getattr(arguments, name) for name in names}
    changes = {name: value for name, value in changes.items() if value is not defaults[name]}
    if not changes:
        raise OperationError("nothing_to_change", f"Nothing to change: give at least one of {', '.join(names)}.")
    return changes
