"""What connectors expect of accounts: which credentials they use, and where an external id is unique."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""Form of a key that may be repeated in a message; anything else may be a misplaced secret."""
_IN_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class CredentialUse(msgspec.Struct, frozen=True):
    """Keys of the credentials that one connector uses of an account."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    in_headers: frozenset[str] = frozenset()
    """Keys whose values go into an HTTP header."""

    def problems(self, credentials: Mapping[str, str]) -> list[str]:
        """Why these credentials cannot be used, one sentence each, without a secret in it; empty: they can."""
        known = self.required | self.optional
        missing = sorted(key for key in self.required if not credentials.get(key))
        return [
            *(f"The credential '{key}' is missing or empty." for key in missing),
            *(_unknown(key, known) for key in sorted(credentials) if key not in known),
            *self._unusable({key: credentials[key] for key in sorted(known & credentials.keys())}),
        ]

    def _unusable(self, credentials: Mapping[str, str]) -> Iterator[str]:
        for key, value in credentials.items():
            if "\n" in value or "\r" in value:
                yield f"The credential '{key}' has a line break in it; write it in one line."
            elif any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
                yield f"The credential '{key}' has a control character in it."
            elif value and key in self.in_headers and not _IN_HEADER.fullmatch(value):
                yield f"The credential '{key}' goes into an HTTP header: ASCII characters, without blanks at its ends."


def _unknown(key: str, known: Iterable[str]) -> str:
    if not _KEY.fullmatch(key):
        return "There is a credential whose name is none: names are small letters, digits and _."
    close = difflib.get_close_matches(key, sorted(known), n=1)
    advice = f"the nearest is '{close[0]}'" if close else f"used are {', '.join(sorted(known)) or 'none'}"
    return f"The credential '{key}' is used nowhere in the definition; {advice}."


class NameSpaces(msgspec.Struct, frozen=True):
    """Name spaces of external ids: within one, an external id means one vehicle."""

    by_connector: Mapping[str, str] = {}
    """Base name space by connector; connectors with the same one reach the same OEM."""
    by_account: frozenset[str] = frozenset()
    """Connectors with a name space for each account."""

    def of(self, connector: str, account_id: str) -> str:
        """Name space of the vehicles of this account."""
        shared = self.by_connector.get(connector, connector)
        return f"{shared} {account_id}" if self._is_by_account(connector, shared) else shared

    def _is_by_account(self, connector: str, shared: str) -> bool:
        """Only if all connectors to the same OEM agree; the wider name space is the safer one."""
        same = {name for name, space in self.by_connector.items() if space == shared} | {connector}
        return same <= self.by_account
