"""Codes and keys: what was issued to whom, and what each led to."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set

from verification.results import IGNITION_PAIR, Response, Row, RunResult, kept_up, named

Binding = tuple[str, str, str, str]
"""Application, VIN, command, code."""
_JOINED = re.compile(r"Joined command ([0-9a-f-]{36})")


def one_dispatch(left: RunResult) -> Iterator[str]:
    """7. One code leads to one record at most, for whom it was issued to, and is "already used" from then on."""
    offered: dict[Binding, list[Response]] = defaultdict(list)
    issued: dict[Binding, set[str | None]] = defaultdict(set)
    for response in left.responses:
        if "code" in response.body:
            issued[_binding(response, str(response.body["code"]))].add(response.id)
        if response.code is not None and response.command in IGNITION_PAIR:
            offered[_binding(response, response.code)].append(response)
    for binding, tries in offered.items():
        redeemed = [response for response in tries if response.id is not None]
        if redeemed and binding not in issued:
            yield f"{binding} was redeemed and never issued"
        if len({response.key or str(place) for place, response in enumerate(redeemed)}) > 1:
            yield f"{binding} was redeemed {len(redeemed)} times"
        yield from _forgotten(binding, tries)
    yield from _without_code(left, issued, offered.keys())


def _forgotten(binding: Binding, tries: list[Response]) -> Iterator[str]:
    """A client that was answered that a code is redeemed never gets another answer about it."""
    redeemed_at = (each.answered_at or 0.0 for each in tries if each.id is not None or each.status == 409)
    since = min(redeemed_at, default=float("inf"))
    if any(response.status == 400 and response.asked_at > since for response in tries):
        yield f"{binding} was redeemed and then called invalid"


def _without_code(left: RunResult, issued: Mapping[Binding, set[str | None]], offered: Set[Binding]) -> Iterator[str]:
    """What was sent of the two-step commands was redeemed, by a code that was issued for it."""
    by_offer = {command_id for binding in issued.keys() & offered for command_id in issued[binding]}
    for command_id in dict.fromkeys(sending.command_id for sending in left.sendings):
        row = left.rows.get(command_id)
        if row is None or row["name"] not in IGNITION_PAIR or kept_up(row):
            continue
        if row["redeemed_at"] is None:
            yield f"{named(row)} was sent and never redeemed"
        if command_id not in by_offer:
            yield f"{named(row)} was sent and its code was never offered"


def one_record_per_key(left: RunResult) -> Iterator[str]:
    """The same key and request lead to the same record; a confirmation may end unredeemed, or join another record."""
    by_key: dict[tuple[str, str], set[str]] = defaultdict(set)
    for response in left.responses:
        if response.key is not None and response.id is not None and not _freed(left.rows.get(response.id)):
            by_key[response.application, response.key].add(_joined(left, response.id))
    for key, ids in by_key.items():
        if len(ids) > 1:
            yield f"{key} led to {sorted(ids)}"
    yield from _unasked(left)


def _unasked(left: RunResult) -> Iterator[str]:
    """Answers that were lost count too: there are no more records than keys, and requests without a key."""
    asked: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for place, response in enumerate(left.responses):
        if response.code is None:
            asked[response.application, response.vin, response.command].add(response.key or str(place))
    kept = [row for row in left.rows.values() if not _freed(row) and not kept_up(row)]
    for whose, count in Counter((row["actor"], row["vin"], row["name"]) for row in kept).items():
        if count > len(asked[whose]):
            yield f"{whose} has {count} records by {len(asked[whose])} requests"


def _freed(row: Row | None) -> bool:
    """A confirmation that ended unredeemed."""
    if row is None or row["name"] not in IGNITION_PAIR:
        return False
    return row["state"] in ("Expired", "Cancelled") and row["redeemed_at"] is None


def _joined(left: RunResult, command_id: str) -> str:
    """The record that this one joined, or itself."""
    row = left.rows.get(command_id)
    joined = _JOINED.search(row["detail"] or "") if row is not None and row["state"] == "Cancelled" else None
    return joined[1] if joined else command_id


def _binding(response: Response, code: str) -> Binding:
    return response.application, response.vin, response.command, code
