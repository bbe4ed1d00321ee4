"""Who is asking: an application of a company."""

import msgspec


class Principal(msgspec.Struct, frozen=True):
    """An authenticated application. Holds its opened sign-secrets, so it never prints them."""

    application_id: str
    company_id: str
    grants: frozenset[str]
    sign_secrets: tuple[bytes, ...]
    """Active sign-secrets, one or two; empty when it has none."""

    def __repr__(self) -> str:
        return f"Principal(application_id={self.application_id!r}, company_id={self.company_id!r})"
