"""The immobilisation record of the vehicle in the yard."""

import json
from typing import Any

import pytest

from keyturn.commands import immobilisations
from keyturn.fleet import immobilisation
from keyturn.tenants.administration import Answer, OperationError
from keyturn.tenants.operations import perform

from .installation import INSTALLATION, KEYRING
from .yard import Yard

DISABLE, ENABLE = "disable_ignition", "enable_ignition"


def state(yard: Yard) -> str | None:
    record = yard.see(immobilisation.open_record, yard.names.vehicle)
    return record.state if record else None


def closed_by(yard: Yard) -> list[str]:
    return [by for (by,) in yard.rows("SELECT closed_by FROM immobilisation WHERE state = 'closed' ORDER BY id")]


def says_enabled(yard: Yard, age: float = 0.0) -> None:
    yard.report({"ignition_disabled": False}, age=age)


def order(yard: Yard, name: str, /, **arguments: object) -> Answer:
    """What an operator does."""
    return yard.do(perform, KEYRING, INSTALLATION, name, arguments, "operator:ana", immobilisations.OPERATIONS)


def refused(yard: Yard, name: str, /, **arguments: object) -> str:
    """The code of the error."""
    with pytest.raises(OperationError) as error:
        order(yard, name, **arguments)
    return error.value.code


def entries(yard: Yard, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """(actor, body) of the audit entries of a kind."""
    rows = yard.rows("SELECT actor, body FROM entry WHERE kind = :kind ORDER BY seq", kind=kind)
    return [(actor, json.loads(body)) for actor, body in rows]
