"""Policies, switches and limits in force at each audit entry, replayed in the order of the commits."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from keyturn.clock import SECOND
from keyturn.tenants.policies import DEFAULT, Policy
from verification.results import READS, RESTORING, Moment, Row
from verification.simulation.run_result import SimulationResult

DISABLE = "disable_ignition"
_WHOLE_COMPANY = ""
ALONE = 600 * SECOND
"""In which what one person threw over restoring commands has ended."""
BY_TWO = 3_600 * SECOND
"""And what two did."""


class PoliciesInForce:
    """What the entries so far have left in force."""

    def __init__(self) -> None:
        self.stops: set[tuple[str, str]] = set()
        """(company, application or empty)."""
        self.lifted_at: dict[tuple[str, str], int] = {}
        self.notified: dict[str, int] = {}
        self.located: dict[str, int] = {}
        self.records: dict[int, tuple[str, str]] = {}
        """Vehicle and company of each record that is open, or was closed by hand and is held."""
        self._switches: dict[tuple[str, str, str], float] = {}
        """Until when, by scope, its id, and reach."""
        self._policies: dict[str, Policy] = {}

    def policy(self, company: str) -> Policy:
        return self._policies.get(company, DEFAULT)

    def switch_stops(self, row: Row, at: int) -> bool:
        """Whether a switch is thrown at that moment that reaches this command."""
        reach = _reach(row["name"])
        places = {("installation", ""), ("company", row["company_id"]), ("account", row["account_id"])}
        return any(
            thrown in reach and (scope, of) in places and at < until
            for (scope, of, thrown), until in self._switches.items()
        )

    def limit_stops(self, company: str, actor: str) -> bool:
        """Whether a limit was crossed and not lifted."""
        return not self.stops.isdisjoint({(company, actor), (company, _WHOLE_COMPANY)})

    def follow(self, entry: Row, body: Mapping[str, Any], moment: Moment | None) -> None:
        """The entry is written."""
        company = entry["company_id"]
        match entry["kind"]:
            case "switch.activated":
                lasts = BY_TWO if body.get("approved_by") else ALONE
                ends = entry["at"] + lasts if body["reach"] == "restoring" else float("inf")
                self._switches[body["scope"], body["scope_id"], body["reach"]] = ends
            case "switch.deactivated":
                self._switches.pop((body["scope"], body["scope_id"], body["reach"]), None)
            case "policy.tightened" | "policy.loosened":
                self._policies[company] = msgspec.convert(body["after"], Policy)
            case "limit.tripped":
                of_actor = body["rule"] == "disables_per_actor_hour"
                self.stops.add((company, entry["actor"] if of_actor else _WHOLE_COMPANY))
            case "limit.lifted":
                place = company, body["application"] or _WHOLE_COMPANY
                self.stops.discard(place)
                self.lifted_at[place] = entry["at"]
            case "immobilisation.notice":
                at = round(datetime.fromisoformat(body["told_at"]).timestamp() * SECOND)
                self.notified[entry["vehicle_id"]] = max(at, self.notified.get(entry["vehicle_id"], 0))
            case "immobilisation.opened":
                self.records[body["immobilisation"]] = entry["vehicle_id"], company
            case "immobilisation.let_go" | "immobilisation.closed" if not body.get("held"):
                self.records.pop(body["immobilisation"], None)
            case "command.Executed" if moment is not None and moment.command["name"] == "location":
                self.located[entry["vehicle_id"]] = moment.command["completed_at"]


def replay(left: SimulationResult) -> Iterator[tuple[Row, Moment | None, PoliciesInForce]]:
    """Each entry, what it did to a command, and what was in force before it."""
    in_force, moments = PoliciesInForce(), {moment.seq: moment for moment in left.moments}
    for entry in left.entries:
        moment = moments.get(entry["seq"])
        yield entry, moment, in_force
        in_force.follow(entry, left.bodies[entry["seq"]], moment)


def _reach(name: str) -> set[str]:
    if name in READS:
        return set()
    if name in RESTORING:
        return {"restoring"}
    return {"actuating", "disable"} if name == DISABLE else {"actuating"}
