"""Operator login on the command line: asks for passwords and codes without echo, or reads them from stdin by line."""

import getpass
import sys
import warnings
from collections.abc import Iterable

from keyturn.auth.principal import Credentials
from keyturn.cli.failure import usage
from keyturn.cli.options import OperatorLogin

_NO_TERMINAL = "Passwords are asked for at a terminal; give --password-stdin where there is none."

_CODE = "code"
"""Name of a secret that another operator made; it is asked for once, a new one twice."""


def credentials(login: OperatorLogin) -> Credentials | None:
    """The credentials of the operator that signs in; None where none does. Raises `Failure`."""
    if login.operator is None:
        return None
    password = _ask(login, f"Password of {login.operator}: ")
    code = _ask(login, "Code of the second factor, if there is one: ")
    return Credentials(login.operator, password, code.strip() or None)


def new_secrets(login: OperatorLogin, names: Iterable[str]) -> dict[str, str]:
    """Secret arguments by name, asked for because command lines can be seen by others. Raises `Failure`."""
    return {name: _new_secret(login, name) for name in names}


def _new_secret(login: OperatorLogin, name: str) -> str:
    if name == _CODE:
        return _ask(login, "One-time code: ")
    secret = _ask(login, f"New {name}: ")
    if not login.password_stdin and _ask(login, f"New {name} again: ") != secret:
        raise usage("The two are not the same.")
    return secret


def _ask(login: OperatorLogin, prompt: str) -> str:
    return sys.stdin.readline().rstrip("\r\n") if login.password_stdin else _ask_without_echo(prompt)


def _ask_without_echo(prompt: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError):
            raise usage(_NO_TERMINAL) from None
