"""Operators' passwords: argon2id (RFC 9106), with its parameters in each hash. A hash takes tens of milliseconds."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from keyturn.errors import OperationError

MIN_LENGTH = 12
_MAX_LENGTH = 1024
_TIME_COST = 2
_MEMORY_COST = 19_456
"""KiB."""
_PARALLELISM = 1

DUMMY_HASH = "$argon2id$v=19$m=19456,t=2,p=1$TV5N/sTxyIuLPJcPYC0ZSA$2JrfTbukQcD1x2AYliDFN19Buos1hXUAkxgZdCPdf9Y"
"""Compared with where the operator is unknown, so that the answer takes as long."""


def hash_checked_password(password: str, name: str) -> str:
    """The hash of a new password for the operator of that name. Raises `OperationError` for a weak one."""
    if not MIN_LENGTH <= len(password) <= _MAX_LENGTH:
        raise OperationError("weak_password", f"A password has at least {MIN_LENGTH} characters.")
    if name.casefold() in password.casefold():
        raise OperationError("weak_password", "A password does not contain the operator's name.")
    return hash_password(password)


def hash_password(password: str) -> str:
    """A PHC string with a random salt."""
    return _hasher().hash(_bytes(password))


def verify(known: str, password: str) -> bool:
    """Whether the hash `known` was made from the password."""
    try:
        return _hasher().verify(known, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(known: str) -> bool:
    """Whether the hash was made with other parameters than the present ones."""
    return _hasher().check_needs_rehash(known)


def _hasher() -> PasswordHasher:
    return PasswordHasher(_TIME_COST, _MEMORY_COST, _PARALLELISM)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
