"""What stands before an administration operation, once somebody is in charge: guarded, unless its row says why not.

A *guarded* operation is proposed by an admin with a second factor, announced, approved by a second admin where there is
one, and made after the delay, when nobody stopped it. Every other row names what it may harm and why it may be done
at once all the same.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgspec


class Need(IntEnum):
    """What one use of an operation takes where an admin is in charge. The higher number asks for more."""

    NOTHING = 0
    """It is done at once, by one person, also from the shell."""
    SIGN_IN = 1
    """It is done at once by an operator who signed in with a second factor."""
    CHANGE = 2
    """It is proposed, announced, approved, delayed."""


Judge = Callable[[Any, Any], Need]
"""Given the session and the arguments: what this use of the operation takes. Raises `OperationError`."""


def _change(_session: Any, _arguments: Any) -> Need:
    return Need.CHANGE


def _sign_in(_session: Any, _arguments: Any) -> Need:
    return Need.SIGN_IN


def _nothing(_session: Any, _arguments: Any) -> Need:
    return Need.NOTHING


class Guard(msgspec.Struct, frozen=True):
    """One row's guard. `otherwise` is empty only where every use is guarded."""

    harms: str
    """The worst that somebody does with it."""
    otherwise: str = ""
    """Why a use that is not guarded harms nothing, or has to be possible at once for one person."""
    need: Judge = _change
    founds: bool = False
    """It makes those in charge of the installation. Where nobody is yet it waits for nobody; see `unwatched`."""


ALWAYS = Guard("Whoever may do it alone may do harm with it.")
"""What a row has that says nothing: every use is guarded."""


def guarded(harms: str) -> Guard:
    """Every use is guarded."""
    return Guard(harms)


def depends(need: Judge, harms: str, otherwise: str, *, founds: bool = False) -> Guard:
    """`need` judges each use by what it changes."""
    return Guard(harms, otherwise, need, founds)


def signed_in(harms: str, why: str) -> Guard:
    """At once, by an operator with a second factor."""
    return Guard(harms, why, _sign_in)


def at_once(harms: str, why: str) -> Guard:
    """Never held up."""
    return Guard(harms, why, _nothing)


def reads(harms: str = "Nothing: it changes nothing, and shows no secret.") -> Guard:
    """It only looks."""
    return Guard(harms, "It only reads.", _nothing)


def when(is_guarded: Callable[[Any, Any], bool], least: Need = Need.NOTHING) -> Judge:
    """Guarded where `is_guarded` says so, else what `least` says."""

    def judged(session: Any, arguments: Any) -> Need:
        return Need.CHANGE if is_guarded(session, arguments) else least

    return judged
