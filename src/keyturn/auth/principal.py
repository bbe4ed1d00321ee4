"""Authenticated callers: an application of a company, or an operator."""

from typing import Literal

import msgspec

Signing = Literal["any", "v2"]
"""Signature versions that an application's requests may have: either, or version 2 alone."""

Role = Literal["viewer", "approver", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "approver", "admin")
"""Lowest first; each includes the ones before it."""


class Principal(msgspec.Struct, frozen=True):
    """An authenticated application. Holds its opened sign-secrets, so it never prints them."""

    application_id: str
    company_id: str
    grants: frozenset[str]
    sign_secrets: tuple[bytes, ...]
    """Active sign-secrets, one or two; empty when it has none."""
    client_id: str = ""
    """The `keyid` of signatures of version 2."""
    signing: Signing = "any"

    def __repr__(self) -> str:
        return f"Principal(application_id={self.application_id!r}, company_id={self.company_id!r})"


class Operator(msgspec.Struct, frozen=True):
    """A person who signed in."""

    id: str
    name: str
    role: Role
    company_id: str | None
    """None: of the whole installation."""
    second_factor: bool
    """Whether this sign-in included a code of the second factor."""

    def ranks(self, role: Role) -> bool:
        """Whether its role is at least `role`."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name, password and code of a sign-in. Never printed."""

    name: str
    password: str
    code: str | None = None
    """Of the second factor; None: without one."""

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r})"
