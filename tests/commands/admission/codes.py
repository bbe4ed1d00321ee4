"""Confirming with a code whose digits the test chooses."""

from typing import Any

from keyturn.commands.model.record import Command
from tests.support.command_env import CommandEnv, not_none

INVALID, USED = (400, "Confirmation invalid"), (409, "Confirmation already used")


def redeem(env: CommandEnv, code: object, command: str = "enable_ignition", **fields: Any) -> Command | tuple[int, str]:
    """The queued record, or why there is none."""
    submitted = env.ask(command, code, **fields)
    if submitted.refusal is not None:
        return submitted.refusal.http_status, submitted.refusal.detail
    return not_none(submitted.waiting)


def issue(env: CommandEnv, code: str, command: str = "enable_ignition", **fields: Any) -> Command:
    env.codes_to_come.append(code)
    confirming, issued = env.first_step(command, **fields)
    assert issued == code
    return confirming
