"""The immobilisation record of the vehicle."""

import json
from typing import Any

import pytest

from keyturn.admin.operation import Answer
from keyturn.errors import OperationError
from keyturn.fleet import immobilisation
from keyturn.operations import perform
from tests.support.command_env import CommandEnv
from tests.support.enrolment import INSTALLATION, KEYRING

DISABLE, ENABLE = "disable_ignition", "enable_ignition"


def state(env: CommandEnv) -> str | None:
    record = env.see(immobilisation.open_record, env.names.vehicle)
    return record.state if record else None


def closed_by(env: CommandEnv) -> list[str]:
    return [by for (by,) in env.rows("SELECT closed_by FROM immobilisation WHERE state = 'closed' ORDER BY id")]


def says_enabled(env: CommandEnv, age: float = 0.0) -> None:
    env.report({"ignition_disabled": False}, age=age)


def order(env: CommandEnv, name: str, /, **arguments: object) -> Answer:
    """What an operator does."""
    return env.do(perform, KEYRING, INSTALLATION, name, arguments, "operator:ana")


def refused(env: CommandEnv, name: str, /, **arguments: object) -> str:
    """The code of the error."""
    with pytest.raises(OperationError) as error:
        order(env, name, **arguments)
    return error.value.code


def entries(env: CommandEnv, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """(actor, body) of the audit entries of a kind."""
    rows = env.rows("SELECT actor, body FROM entry WHERE kind = :kind ORDER BY seq", kind=kind)
    return [(actor, json.loads(body)) for actor, body in rows]
