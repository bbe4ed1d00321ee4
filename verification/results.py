"""What a run left, in one form for every harness: rows, audit entries, responses, and requests to the OEM."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

Row = Mapping[str, Any]

CERTAIN = frozenset({"Verified", "Refused", "Failed", "Expired", "Cancelled"})
"""States that nothing follows."""
WITH_OEM = frozenset({"Dispatching", "Accepted"})
STATES = CERTAIN | WITH_OEM | {"Confirming", "AwaitingApproval", "Queued", "Unknown", "Executed"}
READS = ("location", "diagnostics")
IGNITION_PAIR = ("disable_ignition", "enable_ignition")
RESTORING = ("cancel_start", "cancel_alert", "enable_ignition")
OPPOSITES = {
    "start": "cancel_start",
    "alert": "cancel_alert",
    "lock_door": "unlock_door",
    "disable_ignition": "enable_ignition",
}
OPPOSITES |= {there: here for here, there in OPPOSITES.items()}
OVERTAKES = {"cancel_start": "start", "cancel_alert": "alert"}
"""The catalogue, stated a second time on purpose: a check must not take it from what it checks."""
_REGISTERED = {"Confirmation": "Confirming", "Pending": "Queued", "Error": "Refused"}
"""The state in which a command was registered, by the status in its entry."""


class Violation(NamedTuple):
    check: str
    what: str


@dataclass(frozen=True)
class Response:
    """A POST and its answer. Instants are of the client's clock, in its unit."""

    application: str
    company: str
    vin: str
    command: str
    code: str | None
    key: str | None
    asked_at: float
    answered_at: float | None
    status: int | None
    """The HTTP code; None: the answer was lost."""
    body: Mapping[str, Any]

    @property
    def id(self) -> str | None:
        return self.body.get("id")


@dataclass(frozen=True)
class Read:
    """A GET of a record, and its answer."""

    application: str
    company: str
    command_id: str
    asked_at: float
    at: float
    status: int | None
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Sending:
    """A request to the OEM."""

    command_id: str
    name: str
    repeatable: bool = False
    """The OEM's response allows another try: it did not take the command, for the time being."""
    answer: object = None
    """For the text of a violation."""
    taken_at: int | None = None
    """Microseconds, on the clock of the audit entries; None: no such instant is known."""


@dataclass(frozen=True)
class Moment:
    """An audit entry about a command. `others` are the states of the vehicle's other commands then."""

    seq: int
    at: int
    kind: str
    """Without the prefix ``command.``."""
    command: Row
    before: str | None
    """The command's state before; None: it was registered here."""
    after: str
    others: Mapping[str, str]
    actor: str
    body: Mapping[str, Any]
    """The entry's."""

    @property
    def moved(self) -> bool:
        return self.kind in STATES

    @property
    def status(self) -> str:
        return str(self.body.get("status") or "")

    @property
    def queued(self) -> bool:
        """The command took its place in the lane here, or was refused instead."""
        came = self.kind == "registered" or (self.moved and self.before in ("Confirming", "AwaitingApproval"))
        return came and self.after in ("Queued", "Refused")


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What the shared checks compare. What only one harness knows comes as a function or a set of exceptions."""

    rows: Mapping[str, Row]
    entries: list[Row]
    bodies: Mapping[int, Mapping[str, Any]]
    """The body of each entry, by its `seq`."""
    responses: list[Response]
    sendings: list[Sending]
    reads: list[Read]
    acts: Mapping[str, int]
    """How often the vehicle did each command, by its id."""
    windows: list[Row] = field(default_factory=list)
    """Minutes in which refusals are still counted."""
    unrecorded: list[tuple[str, str, int]] = field(default_factory=list)
    """Immobilised vehicles without a record: VIN, the command that did it, and when (microseconds)."""
    open_rows: int = 0
    """Entries of the tables of what is open."""
    damage: str = ""
    """What SQLite's integrity check reports; empty: the file is whole."""
    lied: frozenset[str] = frozenset()
    """Commands about which the OEM reported an untruth."""
    restored: bool = False
    """The store was restored: rows of an older epoch became Unknown, whatever they were."""
    company_of: Callable[[Row], str]
    """The company that may read a command's row, as `Response.company` names it."""
    owner_of: Callable[[str], str | None]
    """The company of a VIN; None: it is not enrolled."""
    overdue: Callable[[Moment, int, int], float]
    """Seconds that a state was kept too long: its entry, its bound, and when it ended (microseconds)."""
    refused_for_now: Callable[[Moment], bool]
    """Whether a command failed, by this entry, though nothing but time was against it."""

    @cached_property
    def moments(self) -> list[Moment]:
        return list(moments_of(self.rows, self.entries, self.bodies))

    def acted(self, command_id: str) -> int:
        return self.acts.get(command_id, 0)

    @cached_property
    def refusals(self) -> Counter[str]:
        """Refused ignition attempts by application: with an entry, folded into one, and still counted."""
        count = Counter(entry["actor"] for entry in self.entries if entry["kind"] == "ignition.refused")
        for entry in self.entries:
            if entry["kind"] == "ignition.refusals":
                count[entry["actor"]] += self.bodies[entry["seq"]]["count"]
        for window in self.windows:
            count[window["application_id"]] += sum(kind["count"] for kind in json.loads(window["folded"]))
        return count


def moments_of(
    rows: Mapping[str, Row], entries: list[Row], bodies: Mapping[int, Mapping[str, Any]]
) -> Iterator[Moment]:
    """The entries about commands that have a row, as a history of states."""
    states: dict[str, dict[str, str]] = {}
    for entry in entries:
        command = rows.get(entry["command_id"] or "")
        if command is None or not entry["kind"].startswith("command."):
            continue
        kind, body = entry["kind"].removeprefix("command."), bodies[entry["seq"]]
        of_vehicle = states.setdefault(entry["vehicle_id"], {})
        before = of_vehicle.get(command["id"])
        after = _REGISTERED[body["status"]] if kind == "registered" else kind if kind in STATES else before or "?"
        others = {other: state for other, state in of_vehicle.items() if other != command["id"]}
        yield Moment(entry["seq"], entry["at"], kind, command, before, after, others, entry["actor"], body)
        of_vehicle[command["id"]] = after


def kept_up(command: Row) -> bool:
    """Issued by enable retry: no code was redeemed for it."""
    return str(command["actor"]).startswith("operator:")


def named(row: Row) -> str:
    return f"{row['name']} {row['id']}"


Left = TypeVar("Left")


def all_of(*checks: Callable[[Left], Iterator[str]]) -> Callable[[Left], Iterator[str]]:
    """One check made of several."""

    def check(left: Left) -> Iterator[str]:
        for each in checks:
            yield from each(left)

    return check
