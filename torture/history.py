"""What a scenario left: rows, audit entries as a history of states, the OEM's ledger and the callers' answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .faults import KINDS
from .oem import Cloud
from .plan import Plan
from .world import Heard, Seen, World

Row = Mapping[str, Any]

CERTAIN = frozenset({"Verified", "Refused", "Failed", "Expired", "Cancelled"})
"""States that nothing follows."""
WITH_OEM = frozenset({"Dispatching", "Accepted"})
_REGISTERED = {"Confirmation": "Confirming", "Pending": "Queued", "Error": "Refused"}
"""The state in which a command was registered, by the status that its entry tells."""
STATES = CERTAIN | WITH_OEM | {"Confirming", "AwaitingApproval", "Queued", "Unknown", "Executed"}


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

    @property
    def moved(self) -> bool:
        return self.kind in STATES

    @property
    def queued(self) -> bool:
        """The command took its place in the lane here, or was refused instead."""
        came = self.kind == "registered" or (self.moved and self.before == "Confirming")
        return came and self.after in ("Queued", "Refused")


@dataclass(frozen=True)
class Aftermath:
    plan: Plan
    commands: dict[str, Row]
    entries: list[Row]
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

    @property
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

    def of_command(self, command_id: str) -> list[Moment]:
        return [moment for moment in self.moments if moment.command["id"] == command_id]

    def acted(self, command_id: str) -> int:
        """How often the vehicle did it."""
        return sum(actuation.ref == command_id for actuation in self.cloud.ledger)


def gather(world: World) -> Aftermath:
    """Read everything that there is to compare."""
    commands: dict[str, Row] = {row["id"]: dict(row) for row in world.rows("SELECT * FROM command")}
    entries: list[Row] = [dict(row) for row in world.rows("SELECT * FROM entry ORDER BY seq")]
    open_rows = world.rows("SELECT (SELECT count(*) FROM open_command) + (SELECT count(*) FROM open_code)")[0][0]
    return Aftermath(
        plan=world.plan,
        commands=commands,
        entries=entries,
        moments=list(_moments(commands, entries)),
        immobilisations=[dict(row) for row in world.rows("SELECT * FROM immobilisation ORDER BY id")],
        open_rows=open_rows,
        heard=world.heard,
        seen=world.seen,
        cloud=world.cloud,
        outages=world.outages,
        complaints=world.complaints,
        commits=world.commits,
    )


def _moments(commands: Mapping[str, Row], entries: list[Row]) -> Iterator[Moment]:
    told = [entry for entry in entries if entry["command_id"] and entry["kind"].startswith("command.")]
    states: dict[str, dict[str, str]] = {}
    for entry in told:
        command = commands[entry["command_id"]]
        kind, body = entry["kind"].removeprefix("command."), json.loads(entry["body"])
        of_vehicle = states.setdefault(entry["vehicle_id"], {})
        before = of_vehicle.get(command["id"])
        after = _REGISTERED[body["status"]] if kind == "registered" else kind if kind in STATES else before or "?"
        others = {other: state for other, state in of_vehicle.items() if other != command["id"]}
        yield Moment(
            entry["seq"], entry["at"], kind, command, before, after, body.get("from"), body.get("status"), others
        )
        of_vehicle[command["id"]] = after
