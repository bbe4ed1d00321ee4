"""Verifies one chain: recomputes every hash, and names the first entry that differs. Pure functions."""

from collections.abc import Collection, Iterable
from itertools import chain, islice

import msgspec

from keyturn.audit.encoding import Link, entry_hash
from keyturn.audit.findings import Finding, FindingKind

_SEARCH_DISTANCE = 1_000
"""Number of entries searched before and after a faulty position."""


class ChainRange(msgspec.Struct, frozen=True):
    """The part of a chain that is verified."""

    company: str | None
    first: int
    last: int
    """Number of the last entry that should exist."""
    prev: bytes | None
    """Hash of the entry before the first; None: unknown, the first entry's `prev` is accepted."""
    hash: bytes | None
    """Hash of the last entry; None: unknown."""
    ends_chain: bool = True
    """Whether no entry follows `last`."""


class RangeResult(msgspec.Struct, frozen=True):
    """What was found in a range of a chain."""

    last: int
    """Number of the last entry; one below the first if there is none."""
    hash: bytes | None
    hashes: dict[int, bytes]
    """Hashes by number, of the entries that were requested."""
    erased: int
    fault: Finding | None


def verify_range(chain_range: ChainRange, links: Iterable[Link], wanted: Collection[int] = ()) -> RangeResult:
    """Verify a range of a chain. `wanted`: numbers whose hashes to return. After the first fault, only count."""
    rest = iter(links)
    last, digest, erased = chain_range.first - 1, chain_range.prev, 0
    hashes: dict[int, bytes] = {}
    fault: Finding | None = None
    while (link := next(rest, None)) is not None:
        if fault is None and not _is_next(link, last + 1, digest):
            ahead = list(islice(rest, _SEARCH_DISTANCE))
            fault = _Diagnosis(chain_range, link, last + 1, digest, ahead).finding()
            rest = chain(ahead, rest)
        last, digest = max(last, link.number), link.hash
        erased += link.personal is not None and link.personal.erased
        if link.number in wanted:
            hashes[link.number] = link.hash
    return RangeResult(last, digest, hashes, erased, fault or _fault_at_end(chain_range, last, digest))


def _fault_at_end(chain_range: ChainRange, last: int, digest: bytes | None) -> Finding | None:
    """A finding if the range does not end as it should."""
    if last < chain_range.last:
        text = f"The tail is cut off after entry {last}: entry {chain_range.last} was the last."
        return Finding(FindingKind.CUT, chain_range.company, last + 1, text)
    if last > chain_range.last and chain_range.ends_chain:
        text = f"Entry {chain_range.last + 1} is after the end that the chain's head names."
        return Finding(FindingKind.INSERTED, chain_range.company, chain_range.last + 1, text)
    if chain_range.hash is not None and last >= chain_range.first and digest != chain_range.hash:
        text = f"Entry {last} is not the one that the chain's head names."
        return Finding(FindingKind.REWRITTEN, chain_range.company, last, text)
    return None


def _is_next(link: Link, number: int, prev: bytes | None) -> bool:
    return link.number == number and prev in (None, link.prev) and _is_sealed_as(link, number)


def _is_sealed_as(link: Link, number: int) -> bool:
    """Whether its hash was computed from its content and this number."""
    if link.personal is None:
        return entry_hash(number, link.prev, link.content, None) == link.hash
    return link.personal.matches_hash and entry_hash(number, link.prev, link.content, link.personal.hash) == link.hash


class _Diagnosis:
    """Explains a chain in which `link` is not the entry `number` that follows `prev`."""

    def __init__(self, chain_range: ChainRange, link: Link, number: int, prev: bytes | None, ahead: list[Link]) -> None:
        self._range = chain_range
        self._link = link
        self._number = number
        self._prev = prev
        self._ahead = ahead

    def finding(self) -> Finding:
        """The first explanation that fits."""
        for explain in (self._explain_numbers, self._explain_content, self._explain_neighbours):
            if found := explain():
                return found
        return self._finding(FindingKind.EDITED, self._number, f"Entry {self._number} is not what was sealed.")

    def _explain_numbers(self) -> Finding | None:
        number, link = self._number, self._link
        if link.number > number and any(other.number == number for other in self._ahead):
            return self._finding(FindingKind.REORDERED, number, f"Entry {link.number} is where entry {number} belongs.")
        if link.number > number:
            return self._removed(number, link.number - 1)
        if link.number < number:
            return self._finding(FindingKind.INSERTED, link.number, f"There is a second entry {link.number}.")
        if link.number > self._range.last and self._range.ends_chain:
            return self._finding(FindingKind.INSERTED, number, f"Entry {number} was added after the end of the chain.")
        return None

    def _explain_content(self) -> Finding | None:
        number = self._number
        if _is_sealed_as(self._link, number):
            return None
        for other in self._ahead:
            if _is_sealed_as(_with_content_of(self._link, other), number):
                text = f"Entries {number} and {other.number} have changed places."
                return self._finding(FindingKind.REORDERED, number, text)
        sealed = _sealed_number(self._link, number)
        if sealed is None:
            return None
        if sealed < number:
            return self._finding(
                FindingKind.INSERTED, sealed, f"Entry {sealed} was inserted and those after it renumbered."
            )
        if any(_is_sealed_as(other, number) for other in self._ahead):
            return self._finding(FindingKind.REORDERED, number, f"Entry {number} was sealed as entry {sealed}.")
        return self._removed(number, sealed - 1)

    def _explain_neighbours(self) -> Finding | None:
        number, prev = self._number, self._prev
        if any(other.prev == prev and _is_sealed_as(other, number) for other in self._ahead[:1]):
            return self._finding(FindingKind.INSERTED, number, f"Entry {number} was inserted between two others.")
        if number > self._range.first and _is_sealed_as(self._link, number):
            text = f"Entry {number - 1} is not the one that entry {number} follows: its hash was recomputed."
            return self._finding(FindingKind.EDITED, number - 1, text)
        return None

    def _removed(self, first: int, last: int) -> Finding:
        which = f"Entry {first} is" if first == last else f"Entries {first} to {last} are"
        return self._finding(FindingKind.REMOVED, first, f"{which} missing.")

    def _finding(self, what: FindingKind, number: int, text: str) -> Finding:
        return Finding(what, self._range.company, number, text)


def _with_content_of(link: Link, other: Link) -> Link:
    """The link with the content of the other; salt and hash of the personal part stay."""
    personal = link.personal
    if personal is not None:
        text = other.personal.text if other.personal else None
        personal = msgspec.structs.replace(personal, text=text)
    return msgspec.structs.replace(link, content=other.content, personal=personal)


def _sealed_number(link: Link, number: int) -> int | None:
    """The number near this one under which the entry was sealed, if any."""
    near = range(max(1, number - _SEARCH_DISTANCE), number + _SEARCH_DISTANCE)
    return next((other for other in near if _is_sealed_as(link, other)), None)
