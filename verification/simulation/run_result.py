"""What a scenario left: rows, audit entries as a history of states, the OEM's ledger and the clients' answers."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from keyturn.clock import SECOND
from keyturn.commands.model.record import Command
from keyturn.connectors.responses import OutcomeKind
from verification.results import READS, Moment, Read, Response, Row, RunResult, Sending, moments_of
from verification.simulation.clients.responses import Decision, InsiderRecord, PostResult
from verification.simulation.plan import Plan
from verification.simulation.world.faults import KINDS
from verification.simulation.world.installation import BY_VIN, VEHICLES
from verification.simulation.world.oem import Actuation, Cloud
from verification.simulation.world.oem import Sending as CloudSending
from verification.simulation.world.world import World

ENTRIES = "SELECT seq, company_id, at, actor, kind, vehicle_id, command_id, body FROM entry ORDER BY seq"
"""Without what sealing adds, which is random."""
_BODY = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class SimulationResult:
    plan: Plan
    commands: dict[str, Row]
    entries: list[Row]
    bodies: dict[int, Mapping[str, Any]]
    """The body of each entry, by its `seq`."""
    moments: list[Moment]
    immobilisations: list[Row]
    open_rows: int
    posts: list[PostResult]
    gets: list[Read]
    cloud: Cloud
    outages: list[tuple[float, float]]
    violated: list[tuple[str, str]]
    commits: list[tuple[int, float]]
    """The newest entry and the monotonic time of each commit; kept only where the wall clock is not true."""
    decisions: list[Decision]
    insiders: InsiderRecord
    unrecorded: list[tuple[str, Actuation]]
    windows: list[Row]
    """Minutes in which refusals are still counted."""
    first_told: Mapping[str, Command]
    """Each command as it was first announced; what a node died with before that is there later, or not at all."""

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
    def event_counts(self) -> Counter[str]:
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

    @cached_property
    def common(self) -> RunResult:
        """As the shared checks compare it."""
        return RunResult(
            rows=self.commands,
            entries=self.entries,
            bodies=self.bodies,
            responses=[_response(post) for post in self.posts],
            sendings=[_sending(each) for each in self.cloud.sendings],
            reads=self.gets,
            acts=Counter(actuation.ref for actuation in self.cloud.ledger),
            windows=self.windows,
            unrecorded=list(self._unrecorded()),
            open_rows=self.open_rows,
            lied=frozenset(self.cloud.lied),
            restored=self.restored,
            company_of=lambda row: str(row["company_id"]),
            owner_of=lambda vin: BY_VIN[vin].company if vin in BY_VIN else None,
            overdue=self._overdue,
            refused_for_now=self._refused_for_now,
        )

    def _unrecorded(self) -> Iterator[tuple[str, str, int]]:
        """A record that was closed by hand and is held counts. It is looked at before the recovery, and in the end."""
        if not self.plan.clock_is_true:
            return
        for vin, by in self.unrecorded:
            yield vin, by.ref, by.at
        recorded = {row["vehicle_id"] for row in self.immobilisations if row["state"] != "closed" or row["held"]}
        for vin, car in self.cloud.cars.items():
            if car.values["ignition_disabled"]:
                by = next(a for a in reversed(self.cloud.ledger) if (a.vin, a.name) == (vin, "disable_ignition"))
                if self.commands[by.ref]["vehicle_id"] not in recorded:
                    yield vin, by.ref, by.at

    def _overdue(self, kept: Moment, bound: int, until: int) -> float:
        """0 where a node may have been down."""
        if not self.plan.clock_is_true or "disk" in self.trouble or self.outages:
            return 0.0
        engine = self.plan.settings.engine
        allowed = 2 * engine.sweep_interval + 16.0 + (engine.answer_timeout if kept.after == "Dispatching" else 0.0)
        return (until - bound) / SECOND - allowed

    def _refused_for_now(self, failed: Moment) -> bool:
        if not self.plan.clock_is_true:
            return False
        not_taken = failed.before == "Queued" or failed.body["verdict"] == "not_taken"
        return not_taken and (failed.before == "Queued" or not self._refused_for_good(failed.command))

    def _refused_for_good(self, row: Row) -> bool:
        """By the last answer to a sending of it; a connection that was never opened does not count."""
        answers = [each.answer for each in self.cloud.sendings if each.order.command_id == row["id"]]
        counting = answers if row["name"] in READS else answers[-1:]  # a read that another node runs again too
        return any(answer is not None and not answer.temporary for answer in counting)


def _response(post: PostResult) -> Response:
    names = ("application", "company", "vin", "command", "code", "key", "asked_at", "answered_at", "status", "body")
    return Response(*(getattr(post, name) for name in names))


def _sending(sending: CloudSending) -> Sending:
    answer, order = sending.answer, sending.order
    repeatable = answer is not None and answer.kind is OutcomeKind.NOT_TAKEN and answer.temporary
    return Sending(order.command_id, order.name, repeatable, answer)


def gather(world: World) -> SimulationResult:
    """Read everything that there is to compare."""
    commands = {row["id"]: row for row in world.records("SELECT * FROM command")}
    entries = world.records(ENTRIES)
    bodies: dict[int, Mapping[str, Any]] = {entry["seq"]: _BODY.decode(entry["body"]) for entry in entries}
    open_rows = world.rows("SELECT (SELECT count(*) FROM open_command) + (SELECT count(*) FROM open_code)")[0][0]
    return SimulationResult(
        plan=world.plan,
        commands=commands,
        entries=entries,
        bodies=bodies,
        moments=list(moments_of(commands, entries, bodies)),
        immobilisations=world.records("SELECT * FROM immobilisation ORDER BY id"),
        open_rows=open_rows,
        posts=world.posts,
        gets=world.gets,
        cloud=world.cloud,
        outages=world.outages,
        violated=world.violated,
        commits=world.commits,
        decisions=world.decisions,
        insiders=world.insiders,
        unrecorded=world.unrecorded,
        windows=world.records("SELECT * FROM refusal_window"),
        first_told=world.first_told,
    )
