"""Codes and keys: what was issued to whom, and what each led to."""

from collections import defaultdict
from collections.abc import Iterator

from verification.simulation.clients.responses import Heard
from verification.simulation.run_result import Row, RunResult, kept_up

_PAIR = ("disable_ignition", "enable_ignition")


def one_dispatch(left: RunResult) -> Iterator[str]:
    """7. One code leads to one record at most, for whom it was issued to, and is "already used" from then on."""
    offered: dict[tuple[str, ...], list[Heard]] = defaultdict(list)
    issued = {_binding(heard, str(heard.body["code"])) for heard in left.heard if "code" in heard.body}
    for heard in left.heard:
        if heard.code is not None and heard.command in _PAIR:
            offered[_binding(heard, heard.code)].append(heard)
    for binding, tries in offered.items():
        redeemed = [heard for heard in tries if heard.id is not None]
        if redeemed and binding not in issued:
            yield f"{binding} was redeemed and never issued"
        if len({heard.key or str(place) for place, heard in enumerate(redeemed)}) > 1:
            yield f"{binding} was redeemed {len(redeemed)} times"
        yield from _forgotten(binding, tries, redeemed)
    yield from _without_code(left)


def _forgotten(binding: tuple[str, ...], tries: list[Heard], redeemed: list[Heard]) -> Iterator[str]:
    since = min((heard.answered_at or 0.0 for heard in redeemed), default=float("inf"))
    if any(heard.status == 400 and heard.asked_at > since for heard in tries):
        yield f"{binding} was redeemed and then called invalid"


def _without_code(left: RunResult) -> Iterator[str]:
    codes = {heard.id: str(heard.body["code"]) for heard in left.heard if heard.id and "code" in heard.body}
    offered = {(heard.application, heard.vin, heard.command, heard.code) for heard in left.heard}
    for sending in left.cloud.sendings:
        row = left.commands[sending.order.command_id]
        if row["name"] in _PAIR and not kept_up(row):
            given = [str(heard.body["code"]) for heard in left.heard if heard.id == row["id"] and "code" in heard.body]
            if not any((row["actor"], row["vin"], row["name"], code) in offered for code in given):
                yield f"{row['name']} {row['id']} was sent and its code was never offered: {codes.get(row['id'])}"


def one_record_per_key(left: RunResult) -> Iterator[str]:
    """The same key and request lead to the same record; a confirmation may end unredeemed, or join another record."""
    by_key: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for heard in left.heard:
        if heard.key is not None and heard.id is not None:
            by_key[(heard.application, heard.key)].append(heard.id)
    for key, ids in by_key.items():
        kept = {command_id for command_id in ids if not _freed(left.commands.get(command_id))}
        if len(kept) > 1:
            yield f"{key} led to {sorted(kept)}"


def _freed(row: Row | None) -> bool:
    if row is None or row["state"] not in ("Expired", "Cancelled"):
        return False
    return row["redeemed_at"] is None or "Joined command" in row["detail"]


def _binding(heard: Heard, code: str) -> tuple[str, ...]:
    return heard.application, heard.vin, heard.command, code
