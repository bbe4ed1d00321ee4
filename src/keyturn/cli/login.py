"""Signing in on the command line: passwords and codes are asked for without echo, or read a line each."""

import getpass
import sys
import warnings
from collections.abc import Iterable

from keyturn.auth.principal import Credentials
from keyturn.cli.failure import usage
from keyturn.cli.options import OperatorLogin

_NOT_ECHOED = "Passwords are asked for at a terminal; give --password-stdin where there is none."

_CODE = "code"
"""It was made by somebody else, so it is asked for once."""


def credentials(who: OperatorLogin) -> Credentials | None:
    """Of the operator that is to sign in; None where nobody is. Raises `Failure`."""
    if who.operator is None:
        return None
    password = _ask(who, f"Password of {who.operator}: ")
    code = _ask(who, "Code of the second factor, if there is one: ")
    return Credentials(who.operator, password, code.strip() or None)


def new_secrets(who: OperatorLogin, names: Iterable[str]) -> dict[str, str]:
    """Arguments that must not be words on the command line. Raises `Failure`."""
    return {name: _new_secret(who, name) for name in names}


def _new_secret(who: OperatorLogin, name: str) -> str:
    if name == _CODE:
        return _ask(who, "One-time code: ")
    secret = _ask(who, f"New {name}: ")
    if not who.password_stdin and _ask(who, f"New {name} again: ") != secret:
        raise usage("The two are not the same.")
    return secret


def _ask(who: OperatorLogin, prompt: str) -> str:
    return sys.stdin.readline().rstrip("\r\n") if who.password_stdin else _unechoed(prompt)


def _unechoed(prompt: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError):
            raise usage(_NOT_ECHOED) from None
