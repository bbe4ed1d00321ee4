"""What a scenario left: rows, audit entries as a history of states, the OEM's ledger and the callers' answers."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from verification.simulation.clients.responses import Decision, Heard, Seen
from verification.simulation.insiders.record import InsiderRecord
from verification.simulation.plan import Plan
from verification.simulation.world.faults import KINDS
from verification.simulation.world.installation import BY_VIN, VEHICLES
from verification.simulation.world.oem import Actuation, Cloud
from verification.simulation.world.world import World

Row = Mapping[str, Any]
_TOLD = msgspec.json.Decoder(dict[str, Any])

CERTAIN = frozenset({"Verified", "Refused", "Failed", "Expired", "Cancelled"})
"""States that nothing follows."""
WITH_OEM = frozenset({"Dispatching", "Accepted"})
_REGISTERED = {"Confirmation": "Confirming", "Pending": "Queued", "Error": "Refused"}
"""The state in which a command was registered, by the status that its entry tells."""
STATES = CERTAIN | WITH_OEM | {"Confirming", "AwaitingApproval", "Queued", "Unknown", "Executed"}


def kept_up(command: Row) -> bool:
    """Nobody redeemed a code for it: an operator keeps enabling the vehicle."""
    return str(command["actor"]).startswith("operator:")


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
    said_from: str | None
    """The state that the entry itself says it came from."""
    status: str | None
    others: Mapping[str, str]
    actor: str
    told: Mapping[str, Any]
    """The entry's body."""

    @property
    def moved(self) -> bool:
        return self.kind in STATES

    @property
    def queued(self) -> bool:
        """The command took its place in the lane here, or was refused instead."""
        came = self.kind == "registered" or (self.moved and self.before in ("Confirming", "AwaitingApproval"))
        return came and self.after in ("Queued", "Refused")


@dataclass(frozen=True)
class RunResult:
    plan: Plan
    commands: dict[str, Row]
    entries: list[Row]
    told: dict[int, Mapping[str, Any]]
    """What each entry says, by its place."""
    moments: list[Moment]
    immobilisations: list[Row]
    open_rows: int
    heard: list[Heard]
    seen: list[Seen]
    cloud: Cloud
    outages: list[tuple[float, float]]
    complaints: list[tuple[str, str]]
    commits: list[tuple[int, float]]
    """The newest entry and the monotonic time of each commit; kept only where the wall clock is not true."""
    decisions: list[Decision]
    insiders: InsiderRecord
    unrecorded: list[tuple[str, Actuation]]
    refusals: Counter[str]
    """Refused ignition attempts by application: those with an entry, those folded into one, and those still counted."""

    @cached_property
    def trouble(self) -> frozenset[str]:
        """Places that have faults in this scenario."""
        return frozenset(place for place, kinds in KINDS.items() if any(kind in self.plan.rates for kind in kinds))

    @property
    def restored(self) -> bool:
        """Rows of an older epoch became Unknown, whatever they were."""
        return any(crash.restored for crash in self.plan.crashes)

    def committed(self, seq: int) -> float:
        """When an entry became durable, on the monotonic clock."""
        return next((at for newest, at in self.commits if newest >= seq), float("inf"))

    @property
    def told_of(self) -> Counter[str]:
        """How often what is no mere transition happened."""
        kinds = Counter(entry["kind"] for entry in self.entries if not entry["kind"].startswith("command."))
        waited = Counter(f"approval: {m.after}" for m in self.moments if m.before == "AwaitingApproval" and m.moved)
        return kinds + waited

    def vehicle(self, vin: str) -> Row:
        """Whose it is and how it is reached, under the names of a command's row; empty where there is none."""
        known = BY_VIN.get(vin)
        return {"company_id": known and known.company, "account_id": known and known.account}

    def fleet(self, company: str) -> int:
        return sum(vehicle.company == company for vehicle in VEHICLES)

    def of_command(self, command_id: str) -> list[Moment]:
        return [moment for moment in self.moments if moment.command["id"] == command_id]

    def acted(self, command_id: str) -> int:
        """How often the vehicle did it."""
        return sum(actuation.ref == command_id for actuation in self.cloud.ledger)


def gather(world: World) -> RunResult:
    """Read everything that there is to compare."""
    commands = {row["id"]: row for row in world.records("SELECT * FROM command")}
    entries = world.records("SELECT * FROM entry ORDER BY seq")
    told: dict[int, Mapping[str, Any]] = {entry["seq"]: _TOLD.decode(entry["body"]) for entry in entries}
    open_rows = world.rows("SELECT (SELECT count(*) FROM open_command) + (SELECT count(*) FROM open_code)")[0][0]
    return RunResult(
        plan=world.plan,
        commands=commands,
        entries=entries,
        told=told,
        moments=list(_moments(commands, entries, told)),
        immobilisations=world.records("SELECT * FROM immobilisation ORDER BY id"),
        open_rows=open_rows,
        heard=world.heard,
        seen=world.seen,
        cloud=world.cloud,
        outages=world.outages,
        complaints=world.complaints,
        commits=world.commits,
        decisions=world.decisions,
        insiders=world.insiders,
        unrecorded=world.unrecorded,
        refusals=_refusals(entries, told, world.records("SELECT * FROM refusal_window")),
    )


def _refusals(entries: list[Row], told: Mapping[int, Mapping[str, Any]], windows: list[Row]) -> Counter[str]:
    count = Counter(entry["actor"] for entry in entries if entry["kind"] == "ignition.refused")
    for entry in entries:
        if entry["kind"] == "ignition.refusals":
            count[entry["actor"]] += told[entry["seq"]]["count"]
    for window in windows:
        count[window["application_id"]] += sum(kind["count"] for kind in json.loads(window["folded"]))
    return count


def _moments(
    commands: Mapping[str, Row], entries: list[Row], told: Mapping[int, Mapping[str, Any]]
) -> Iterator[Moment]:
    states: dict[str, dict[str, str]] = {}
    for entry in entries:
        if not (entry["command_id"] and entry["kind"].startswith("command.")):
            continue
        command = commands[entry["command_id"]]
        kind, body = entry["kind"].removeprefix("command."), told[entry["seq"]]
        of_vehicle = states.setdefault(entry["vehicle_id"], {})
        before = of_vehicle.get(command["id"])
        after = _REGISTERED[body["status"]] if kind == "registered" else kind if kind in STATES else before or "?"
        others = {other: state for other, state in of_vehicle.items() if other != command["id"]}
        yield Moment(
            seq=entry["seq"],
            at=entry["at"],
            kind=kind,
            command=command,
            before=before,
            after=after,
            said_from=body.get("from"),
            status=body.get("status"),
            others=others,
            actor=entry["actor"],
            told=body,
        )
        of_vehicle[command["id"]] = after
