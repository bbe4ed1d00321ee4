"""The rules as they stood at each audit entry, replayed in the order of the commits."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from keyturn.clock import SECOND
from keyturn.tenants.policies import DEFAULT, Policy

from ..history import Aftermath, Moment, Row
from ..oem import READS

RESTORING = ("enable_ignition", "cancel_start", "cancel_alert")
DISABLE = "disable_ignition"
_WHOLE_COMPANY = ""


class Standing:
    """What the entries so far have left in force."""

    def __init__(self) -> None:
        self.stops: set[tuple[str, str]] = set()
        """(company, application or empty)."""
        self.lifted_at: dict[tuple[str, str], int] = {}
        self.notified: dict[str, int] = {}
        self.located: dict[str, int] = {}
        self.open_records: dict[str, str] = {}
        """Company, by vehicle."""
        self._switches: set[tuple[str, str, str]] = set()
        self._policies: dict[str, Policy] = {}

    def policy(self, company: str) -> Policy:
        return self._policies.get(company, DEFAULT)

    def forbids(self, row: Row) -> bool:
        """Whether a switch is thrown that reaches this command."""
        reach = _reach(row["name"])
        places = {("installation", ""), ("company", row["company_id"]), ("account", row["account_id"])}
        return any(thrown in reach and (scope, of) in places for scope, of, thrown in self._switches)

    def holds(self, company: str, actor: str) -> bool:
        """Whether a limit was crossed and not lifted."""
        return not self.stops.isdisjoint({(company, actor), (company, _WHOLE_COMPANY)})

    def follow(self, entry: Row, told: Mapping[str, Any], moment: Moment | None) -> None:
        """The entry is written."""
        company = entry["company_id"]
        match entry["kind"]:
            case "switch.thrown":
                self._switches.add((told["scope"], told["scope_id"], told["reach"]))
            case "switch.released":
                self._switches.discard((told["scope"], told["scope_id"], told["reach"]))
            case "policy.tightened" | "policy.loosened":
                self._policies[company] = msgspec.convert(told["after"], Policy)
            case "limit.tripped":
                of_actor = told["rule"] == "disables_per_actor_hour"
                self.stops.add((company, entry["actor"] if of_actor else _WHOLE_COMPANY))
            case "limit.lifted":
                place = company, told["application"] or _WHOLE_COMPANY
                self.stops.discard(place)
                self.lifted_at[place] = entry["at"]
            case "immobilisation.notice":
                at = round(datetime.fromisoformat(told["told_at"]).timestamp() * SECOND)
                self.notified[entry["vehicle_id"]] = max(at, self.notified.get(entry["vehicle_id"], 0))
            case "immobilisation.opened":
                self.open_records[entry["vehicle_id"]] = company
            case "immobilisation.closed":
                self.open_records.pop(entry["vehicle_id"], None)
            case "command.Executed" if moment is not None and moment.command["name"] == "location":
                self.located[entry["vehicle_id"]] = moment.command["completed_at"]


def replay(left: Aftermath) -> Iterator[tuple[Row, Moment | None, Standing]]:
    """Each entry, what it did to a command, and what was in force before it."""
    standing, moments = Standing(), {moment.seq: moment for moment in left.moments}
    for entry in left.entries:
        moment = moments.get(entry["seq"])
        yield entry, moment, standing
        standing.follow(entry, left.told[entry["seq"]], moment)


def _reach(name: str) -> set[str]:
    if name in READS:
        return set()
    if name in RESTORING:
        return {"restoring"}
    return {"actuating", "disable"} if name == DISABLE else {"actuating"}
