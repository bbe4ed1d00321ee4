"""Pins what a pending change refers to: ids, names and owners at the proposal, compared when it takes effect."""

from typing import Any

import msgspec

from keyturn.admin import operators
from keyturn.admin.operation import Arguments
from keyturn.admin.references import (
    ACCOUNT,
    APPLICATION,
    COMPANY,
    OPERATOR,
    PLAN,
    VEHICLE,
    Noun,
    resolve,
    resolve_in_reach,
)
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx


class PinnedReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a change refers to, as it was at the proposal."""

    id: str
    name: str
    company_id: str | None = None
    """The company that owns it."""
    responsible: tuple[str, ...] = ()
    """Ids of the operators who are responsible for it."""


PinnedReferences = dict[str, tuple[PinnedReference, ...]]
"""By argument."""

_REFERENCES: dict[str, tuple[Noun, str]] = {
    "company": (COMPANY, "SELECT name, id FROM company WHERE id = :id"),
    "application": (APPLICATION, "SELECT name, company_id FROM application WHERE id = :id"),
    "account": (ACCOUNT, "SELECT name, company_id FROM oem_account WHERE id = :id"),
    "vehicle": (VEHICLE, "SELECT vin, company_id FROM vehicle WHERE id = :id"),
    "person": (OPERATOR, "SELECT name, company_id FROM operator WHERE id = :id"),
    "responsible": (OPERATOR, "SELECT name, company_id FROM operator WHERE id = :id"),
    "plan": (PLAN, "SELECT name, NULL FROM plan WHERE id = :id"),
}
"""Noun, and query of name and owner, by argument of any operation."""
_IN_OPEN_CHANGE = """
SELECT 1 FROM change
WHERE named LIKE '%"' || :id || '"%'
  AND (state IN ('waiting', 'pending') OR (collect_by > :now AND collected_at IS NULL))
"""


def pin_references(tx: ReadTx, arguments: Arguments, owner: str | None) -> tuple[Arguments, PinnedReferences]:
    """The arguments with ids in place of names, and what these refer to; `owner` is the company that they change.

    Raises `OperationError` where one refers to nothing.
    """
    within: str | None = getattr(arguments, "company", None) or owner
    ids: dict[str, Any] = {}
    for name, (noun, _) in _REFERENCES.items():
        match getattr(arguments, name, None):
            case str(reference):
                scope = None if noun in (COMPANY, PLAN) else within
                ids[name] = resolve(tx, noun, reference, scope)
            case tuple(references):
                ids[name] = tuple(resolve_in_reach(tx, each, owner) for each in references)
            case _:
                pass
    return msgspec.structs.replace(arguments, **ids), {name: _pinned(tx, name, value) for name, value in ids.items()}


def ensure_same_references(tx: ReadTx, names: PinnedReferences) -> None:
    """Raises `OperationError` where a reference is gone, or its name, company or responsible operators changed."""
    for name, things in names.items():
        if _pinned(tx, name, tuple(each.id for each in things)) != things:
            raise OperationError(
                "changed_meanwhile",
                f"What the change names as {name} is not as it was when it was proposed: its name, its company, or who"
                " answers for it; propose it again.",
            )


def refuse_renaming(tx: ReadTx, thing_id: str, word: str) -> None:
    """Raises `OperationError` where an open change refers to it, because its approver knows it by this name."""
    if tx.one(_IN_OPEN_CHANGE, id=thing_id, now=tx.now) is not None:
        raise OperationError(
            "named_by_change", f"An open change names this {word}; it can be renamed when that change has ended."
        )


def _pinned(tx: ReadTx, argument: str, ids: str | tuple[str, ...]) -> tuple[PinnedReference, ...]:
    return tuple(_named(tx, argument, each) for each in ((ids,) if isinstance(ids, str) else ids))


def _named(tx: ReadTx, argument: str, thing_id: str) -> PinnedReference:
    noun, sql = _REFERENCES[argument]
    name, company_id = tx.one(sql, id=thing_id) or ("", None)
    responsible = operators.owner_ids(tx, thing_id) if noun is APPLICATION else ()
    return PinnedReference(thing_id, name, company_id, responsible)
