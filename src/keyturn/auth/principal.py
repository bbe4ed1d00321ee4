"""Who is asking: an application of a company, or an operator."""

from typing import Literal

import msgspec

Signing = Literal["any", "v2"]
"""Which signatures an application's requests may carry: of either version, or of version 2 alone."""

Role = Literal["viewer", "approver", "admin"]
RANKS: tuple[Role, ...] = ("viewer", "approver", "admin")
"""Each may do what those before it may."""


class Principal(msgspec.Struct, frozen=True):
    """An authenticated application. Holds its opened sign-secrets, so it never prints them."""

    application_id: str
    company_id: str
    grants: frozenset[str]
    sign_secrets: tuple[bytes, ...]
    """Active sign-secrets, one or two; empty when it has none."""
    client_id: str = ""
    """What signatures of version 2 name as their `keyid`."""
    signing: Signing = "any"

    def __repr__(self) -> str:
        return f"Principal(application_id={self.application_id!r}, company_id={self.company_id!r})"


class Operator(msgspec.Struct, frozen=True):
    """A person who signed in."""

    id: str
    name: str
    role: Role
    company_id: str | None
    """None: the whole installation."""
    second_factor: bool
    """Whether this sign-in had one."""

    def ranks(self, role: Role) -> bool:
        """Whether it may do what `role` may."""
        return RANKS.index(self.role) >= RANKS.index(role)


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom somebody says to be, and how that shall be believed. Never printed."""

    name: str
    password: str
    code: str | None = None
    """Of the second factor; None: without one."""

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r})"
