"""Guards of administration operations: what one use of an operation requires once an admin is in charge.

A *guarded* operation becomes a pending change: an admin with a second factor proposes it, every admin in charge is
told, a second admin approves it where there is one, and it takes effect after the delay unless an admin withdraws it.
Every use that is not guarded names its risk and the reason why it may be done at once.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgspec


class Need(IntEnum):
    """What one use of an operation requires where an admin is in charge; the higher number requires more."""

    NOTHING = 0
    """Done at once, by one person, also from the shell."""
    SIGN_IN = 1
    """Done at once by an operator who signed in with a second factor."""
    CHANGE = 2
    """Becomes a pending change: proposed, announced, approved, delayed."""


Judge = Callable[[Any, Any], Need]
"""Given the session and the arguments: what this use of the operation requires. Raises `OperationError`."""


def _change(_session: Any, _arguments: Any) -> Need:
    return Need.CHANGE


def _sign_in(_session: Any, _arguments: Any) -> Need:
    return Need.SIGN_IN


def _nothing(_session: Any, _arguments: Any) -> Need:
    return Need.NOTHING


class Guard(msgspec.Struct, frozen=True):
    """The guard of one operation."""

    risk: str
    """The worst harm that it can do."""
    rationale: str = ""
    """Why a use that is not guarded is harmless, or must be possible at once for one person; empty: all are guarded."""
    need: Judge = _change
    bootstraps: bool = False
    """Appoints the first admins of the installation, and so needs no approval while there are none; see `conflicts`."""


ALWAYS = Guard("One person alone could do harm with it.")
"""The default of an operation without a guard of its own: every use is guarded."""


def guarded(risk: str) -> Guard:
    """Every use is guarded."""
    return Guard(risk)


def depends(need: Judge, risk: str, rationale: str, *, bootstraps: bool = False) -> Guard:
    """`need` decides for each use, by what it changes."""
    return Guard(risk, rationale, need, bootstraps)


def signed_in(risk: str, rationale: str) -> Guard:
    """At once, by an operator with a second factor."""
    return Guard(risk, rationale, _sign_in)


def at_once(risk: str, rationale: str) -> Guard:
    """Never delayed."""
    return Guard(risk, rationale, _nothing)


def reads(risk: str = "Nothing: it changes nothing, and shows no secret.") -> Guard:
    """Changes nothing."""
    return Guard(risk, "It only reads.", _nothing)


def when(is_guarded: Callable[[Any, Any], bool], least: Need = Need.NOTHING) -> Judge:
    """A judge: a pending change where `is_guarded`, else `least`."""

    def judge(session: Any, arguments: Any) -> Need:
        return Need.CHANGE if is_guarded(session, arguments) else least

    return judge
