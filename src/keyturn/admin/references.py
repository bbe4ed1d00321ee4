"""References to companies, vehicles and the like, by id or name; and the rules for new names."""

import difflib
import string
from collections.abc import Iterable
from typing import NamedTuple

from keyturn.errors import OperationError
from keyturn.store.port import ReadTx

_ASCII_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)

_APPLICATION = "SELECT id FROM application WHERE (CAST(:company_id AS TEXT) IS NULL OR company_id = :company_id)"
_ACCOUNT = "SELECT id FROM oem_account WHERE (CAST(:company_id AS TEXT) IS NULL OR company_id = :company_id)"
_VEHICLE = "SELECT id FROM vehicle WHERE (CAST(:company_id AS TEXT) IS NULL OR company_id = :company_id)"
_OPERATOR = "SELECT id FROM operator WHERE (CAST(:company_id AS TEXT) IS NULL OR company_id = :company_id)"
_IN_REACH = """
SELECT id FROM operator
WHERE (id = :reference OR name = :reference) AND active = 1 AND (company_id IS NULL OR company_id = :company_id)
ORDER BY id
"""


class Noun(NamedTuple):
    """A kind of thing, and the queries that resolve a reference to it, tried in order."""

    word: str
    queries: tuple[str, ...]


COMPANY = Noun(
    "company",
    ("SELECT id FROM company WHERE id = :reference", "SELECT id FROM company WHERE name = :reference"),
)
PLAN = Noun("plan", ("SELECT id FROM plan WHERE id = :reference", "SELECT id FROM plan WHERE name = :reference"))
APPLICATION = Noun(
    "application",
    (
        f"{_APPLICATION} AND id = :reference",
        f"{_APPLICATION} AND client_id = :reference",
        f"{_APPLICATION} AND name = :reference",
    ),
)
ACCOUNT = Noun("account", (f"{_ACCOUNT} AND id = :reference", f"{_ACCOUNT} AND name = :reference"))
OPERATOR = Noun("operator", (f"{_OPERATOR} AND id = :reference", f"{_OPERATOR} AND name = :reference"))
COMMAND = Noun("command", ("SELECT id FROM command WHERE id = lower(:reference)",))
VEHICLE = Noun(
    "vehicle",
    (f"{_VEHICLE} AND id = :reference", f"{_VEHICLE} AND vin = :vin AND active = 1", f"{_VEHICLE} AND vin = :vin"),
)


def resolve(tx: ReadTx, noun: Noun, reference: str, company: str | None = None) -> str:
    """The id of the referenced thing, within one company where that is given. Raises `OperationError`."""
    company_id = resolve_company(tx, company)
    where = "" if company is None else f" of company '{company}'"
    for query in noun.queries:
        found = tx.all(query, reference=reference, vin=registered_vin(reference), company_id=company_id)
        if len(found) > 1:
            raise OperationError("ambiguous", f"More than one {noun.word} is called '{reference}'; give the id.")
        if found:
            return str(found[0][0])
    raise OperationError("not_found", f"There is no {noun.word} '{reference}'{where}.")


def resolve_in_reach(tx: ReadTx, reference: str, company_id: str | None) -> str:
    """The id of an active operator in reach of the company: one of its own, or of the whole installation.

    An operator of another company is not found. Raises `OperationError`.
    """
    found = [str(row[0]) for row in tx.all(_IN_REACH, reference=reference, company_id=company_id)]
    if not found:
        raise OperationError("not_found", f"There is no operator '{reference}'.")
    if len(found) > 1 and reference not in found:
        raise OperationError("ambiguous", f"More than one operator is called '{reference}'; give the id.")
    return reference if reference in found else found[0]


def resolve_company(tx: ReadTx, reference: str | None) -> str | None:
    """The id of the referenced company; None for None. Raises `OperationError`."""
    return None if reference is None else resolve(tx, COMPANY, reference)


def registered_vin(vin: str) -> str:
    """A VIN as it is stored: ASCII letters upper-cased, nothing else changed."""
    return vin.translate(_ASCII_UPPER)


def checked_name(word: str, name: str) -> str:
    """The name. Raises `OperationError` for one that could look like another on a screen."""
    if not (name.isprintable() and name == name.strip() and 1 <= len(name) <= 100):
        raise OperationError(
            "invalid_name",
            f"The name of the {word} must be 1 to 100 printable characters without blanks at its ends.",
        )
    return name


def checked_members(word: str, names: Iterable[str], known: frozenset[str]) -> list[str]:
    """The names, sorted, without duplicates. Raises `OperationError` for one that is not among `known`."""
    chosen = sorted(set(names))
    for name in chosen:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            advice = f"the nearest is '{close[0]}'" if close else f"known are {', '.join(sorted(known)) or 'none'}"
            raise OperationError(f"unknown_{word}", f"There is no {word} '{name}'; {advice}.")
    return chosen


def name_taken(word: str, name: str) -> OperationError:
    return OperationError("name_taken", f"The name '{name}' is taken by another {word}.")
