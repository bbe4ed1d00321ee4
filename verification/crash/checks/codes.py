"""Codes and keys: what was issued to whom, and what each led to."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from keyturn.commands.catalogue import IGNITION_PAIR
from verification.crash.caller import Heard
from verification.crash.run_result import Row, RunResult

Binding = tuple[str, str, str, str]
"""Application, VIN, command, code."""


def one_dispatch(left: RunResult) -> Iterator[str]:
    """7. One code leads to one record at most, for whom it was issued to, and is "already used" from then on."""
    offered: dict[Binding, list[Heard]] = defaultdict(list)
    issued = {_binding(heard, heard.body["code"]): heard.id for heard in left.book.heard if "code" in heard.body}
    for heard in left.book.heard:
        if heard.code is not None and heard.command in IGNITION_PAIR:
            offered[_binding(heard, heard.code)].append(heard)
    for binding, tries in offered.items():
        redeemed = [heard for heard in tries if heard.id is not None]
        if redeemed and binding not in issued:
            yield f"{binding} was redeemed and never issued"
        if len({heard.key or str(place) for place, heard in enumerate(redeemed)}) > 1:
            yield f"{binding} was redeemed {len(redeemed)} times"
        yield from _forgotten(binding, tries)
    yield from _without_code(left, issued, offered)


def _forgotten(binding: Binding, tries: list[Heard]) -> Iterator[str]:
    """Who heard that it is redeemed hears nothing else afterwards."""
    since = min((heard.answered_at for heard in tries if heard.id is not None or heard.status == 409), default=None)
    if since is not None and any(heard.status == 400 and heard.asked_at > since for heard in tries):
        yield f"{binding} was redeemed and then called invalid"


def _without_code(
    left: RunResult, issued: dict[Binding, str | None], offered: dict[Binding, list[Heard]]
) -> Iterator[str]:
    """What a cloud took of the two-step commands was redeemed, by a code that was issued for it."""
    by_offer = {command_id for binding, command_id in issued.items() if binding in offered}
    for command_id in left.by_ref:
        row = left.commands.get(command_id)
        if row is None or row["name"] not in IGNITION_PAIR:
            continue
        if row["redeemed_at"] is None:
            yield f"{row['name']} {command_id} was sent and never redeemed"
        if command_id not in by_offer:
            yield f"{row['name']} {command_id} was sent and its code was never offered"


def one_record_per_key(left: RunResult) -> Iterator[str]:
    """The same key and request lead to the same record, unless it was a confirmation that ended unredeemed."""
    by_key: dict[tuple[str, str], set[str]] = defaultdict(set)
    for heard in left.book.heard:
        if heard.key is not None and heard.id is not None and not _freed(left.commands.get(heard.id)):
            by_key[heard.application.id, heard.key].add(heard.id)
    for key, ids in by_key.items():
        if len(ids) > 1:
            yield f"{key} led to {sorted(ids)}"
    yield from _unasked(left)


def _unasked(left: RunResult) -> Iterator[str]:
    """Answers that were lost count too: there are no more records than keys, and requests without a key."""
    asked: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for place, heard in enumerate(left.book.heard):
        if heard.code is None:
            asked[heard.application.id, heard.vin, heard.command].add(heard.key or str(place))
    kept = [row for row in left.commands.values() if not _freed(row)]
    registered = Counter((row["actor"], row["vin"], row["name"]) for row in kept)
    for whose, count in registered.items():
        if count > len(asked[whose]):
            yield f"{whose} has {count} records by {len(asked[whose])} requests"


def _freed(row: Row | None) -> bool:
    """A confirmation that ended unredeemed."""
    if row is None or row["name"] not in IGNITION_PAIR:
        return False
    return row["state"] in ("Expired", "Cancelled") and row["redeemed_at"] is None


def _binding(heard: Heard, code: str) -> Binding:
    return heard.application.id, heard.vin, heard.command, code
