"""Options that several commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Version2 = Annotated[bool, Parameter(name="--v2", negative="", help="Sign with version 2: valid once, for a minute.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Answer in JSON, for scripts.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Installation:
    """Which installation: its configuration file, and its data directory, which overrides the file's."""

    config: Annotated[Path | None, Parameter(help="Configuration file.")] = None
    data: Annotated[Path | None, Parameter(help="Data directory.")] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Access:
    """Which server to call, and as which application."""

    url: Annotated[str | None, Parameter(env_var="KEYTURN_URL", help="The server.")] = None
    client_id: Annotated[str | None, Parameter(env_var="KEYTURN_CLIENT_ID", help="The application.")] = None
    client_secret: Annotated[
        str | None, Parameter(env_var="KEYTURN_CLIENT_SECRET", help="Its client secret.", allow_leading_hyphen=True)
    ] = None
    sign_secret: Annotated[
        str | None, Parameter(env_var="KEYTURN_SIGN_SECRET", help="Its sign-secret.", allow_leading_hyphen=True)
    ] = None
    demo: Annotated[Path | None, Parameter(help="Data directory of a running demo, in place of all of these.")] = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OperatorLogin:
    """Which operator signs in, if any, and where its secrets are read."""

    operator: Annotated[
        str | None, Parameter(env_var="KEYTURN_OPERATOR", help="Sign in as this operator, with password and code.")
    ] = None
    password_stdin: Annotated[
        bool, Parameter(negative="", help="Read passwords and codes from standard input, a line each.")
    ] = False


DEFAULT_INSTALLATION = Installation()
"""By the environment, else the defaults."""
NO_OPERATOR = OperatorLogin()
"""The operator that the environment names, if any."""
DEFAULT_ACCESS = Access()
"""By the environment."""
