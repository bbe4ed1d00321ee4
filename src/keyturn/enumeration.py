"""Enumerations whose members are read on every request."""

import sys
from enum import Enum
from typing import TypeVar

EnumT = TypeVar("EnumT", bound=type[Enum])


def direct_members(enumeration: EnumT) -> EnumT:
    """Make `Name.MEMBER` a plain attribute of the class.

    Python 3.11 finds a member by a property and `__getattr__` of the class's class, which takes three times as long;
    since 3.12 members are plain attributes in any case.
    """
    if sys.version_info < (3, 12):
        for member in enumeration:
            type.__setattr__(enumeration, member.name, member)
    return enumeration
