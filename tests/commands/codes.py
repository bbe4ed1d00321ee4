"""Confirming with a code whose digits the test chooses."""

from typing import Any

from keyturn.commands.record import Command

from .yard import Yard, sure

INVALID, USED = (400, "Confirmation invalid"), (409, "Confirmation already used")


def redeem(yard: Yard, code: object, command: str = "enable_ignition", **fields: Any) -> Command | tuple[int, str]:
    """The queued record, or why there is none."""
    submitted = yard.ask(command, code, **fields)
    if submitted.refusal is not None:
        return submitted.refusal.http_status, submitted.refusal.detail
    return sure(submitted.waiting)


def issue(yard: Yard, code: str, command: str = "enable_ignition", **fields: Any) -> Command:
    yard.codes_to_come.append(code)
    confirming, issued = yard.first_step(command, **fields)
    assert issued == code
    return confirming
