"""[auth]: how requests are authenticated. The secrets are the account's, never the definition's."""

from enum import Enum, auto
from typing import Literal

from keyturn.connectors.oem_http.definition.document import Table
from keyturn.connectors.oem_http.definition.queries import Query, no_value_here, parse_address
from keyturn.connectors.oem_http.definition.sections import HttpStatus
from keyturn.connectors.oem_http.definition.templates import Body, Template

Grant = Literal["client_credentials", "password", "refresh_token", "none"]
NO_OTHERS: frozenset[str] = frozenset()
"""Placeholders besides the account's."""
UNAUTHORIZED = 401
REFRESH = "account.refresh_token"
_CLIENT = frozenset({"client_id", "client_secret"})
_NEEDED: dict[Grant, frozenset[str]] = {
    "client_credentials": _CLIENT,
    "password": frozenset({"username", "password"}),
    "refresh_token": frozenset({"refresh_token"}),
    "none": frozenset(),
}
"""Credentials that a token request needs, by grant; where these are not the client's, the client's are optional."""


class TokenStatus(Enum):
    """What a response means for the token of its request."""

    GOOD = auto()
    """The token is valid."""
    REFUSED = auto()
    """The token is invalid, and nothing was done: another token and one more try."""
    DOUBTFUL = auto()
    """The response means something else, and may concern the token too: the next request gets another one."""


class TokenRefusal(Table, frozen=True, kw_only=True):
    """[[auth.refused_by]]: a response that means that the token is invalid and that nothing was done."""

    status: tuple[HttpStatus, ...] = ()
    code: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.status or self.code):
            raise ValueError("status or code must be given")
        if any(300 <= status < 400 for status in self.status):
            raise ValueError("a 3xx answer may always have happened and cannot be listed")
        if not self.code and any(status < 300 for status in self.status):
            raise ValueError("a 2xx answer refuses the token only together with a code")


class Auth(Table, frozen=True, kw_only=True):
    """[auth]."""

    scheme: Literal["bearer", "oauth2"] = "bearer"
    header: str = "Authorization"
    prefix: str = "Bearer"
    refused_by: tuple[TokenRefusal, ...] = ()
    """Besides a 401."""
    token_url: Template | None = None
    """Absolute, or a path below `base_url`."""
    grant: Grant = "client_credentials"
    request: Literal["form", "json"] = "form"
    """Body format of the token request."""
    client_in: Literal["body", "header"] = "body"
    scope: Template | None = None
    parameters: Body | None = None
    token: Query = Query("access_token")
    life: Query = Query("expires_in")
    life_unit: Literal["s", "ms"] = "s"
    refresh_token: Query = Query("refresh_token")
    sensitive: tuple[str, ...] = ()
    """Further credentials of the account that are masked in logs."""

    def __post_init__(self) -> None:
        if (self.scheme == "oauth2") != (self.token_url is not None):
            raise ValueError("token_url goes with scheme oauth2, and only with it")
        if self.token_url and not self.token_url.text.startswith("/"):
            parse_address(self.token_url.text)
        for part in (self.token_url, self.scope, self.parameters, self.token, self.life, self.refresh_token):
            for name in sorted(part.names) if part else ():
                if problem := no_value_here(name, NO_OTHERS):
                    raise ValueError(problem)

    @property
    def needs(self) -> frozenset[str]:
        """Names of the credentials that an account must have by the scheme and the grant."""
        return frozenset({"token"}) if self.scheme == "bearer" else _NEEDED[self.grant]

    @property
    def may_use(self) -> frozenset[str]:
        """Names of the credentials that are used where an account has them."""
        return _CLIENT if self.scheme == "oauth2" and self.grant in ("password", "refresh_token") else frozenset()

    @property
    def uses(self) -> frozenset[str]:
        """Names of the account's credentials that authenticate its requests."""
        parts = (self.token_url, self.scope, self.parameters)
        named = {name.removeprefix("account.") for part in parts if part for name in part.names}
        return self.needs | self.may_use | named

    @property
    def rotates(self) -> bool:
        """Whether token requests use the account's refresh token, which the OEM may replace."""
        return self.grant == "refresh_token" or (self.parameters is not None and REFRESH in self.parameters.names)
