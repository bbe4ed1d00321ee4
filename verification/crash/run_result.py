"""What a run left: rows, audit entries as a history of states, requests to the clouds, answers to the clients."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from keyturn.clock import SECOND
from keyturn.commands.model.catalogue import COMMANDS, DISABLE
from keyturn_simulator.operations import Operation
from verification.crash.api_client import PostResult, RequestLog
from verification.crash.scenario import Application, Installation
from verification.results import IGNITION_PAIR, WITH_OEM, Moment, Response, Row, RunResult, Sending

_TAKEN_UP = 500_000
"""Microseconds: a server that is just ready looks for deadlines that passed once it has read what is open."""
SWEPT_WITHIN = 5.0
"""Seconds of servers' lives, their beginnings aside, after which a bound that passed has been noticed."""
OPEN = WITH_OEM | {"AwaitingApproval", "Queued", "Unknown"}


class CloudSending(NamedTuple):
    """What a company's cloud took, and how often its vehicle acted on that command."""

    company: str
    operation: Operation
    acted: int

    @property
    def read(self) -> bool:
        return COMMANDS[self.operation.command].is_read


class Records(NamedTuple):
    """The database."""

    whole: str
    """What SQLite's integrity check reports."""
    commands: dict[str, Row]
    entries: list[Row]
    immobilisations: list[Row]
    vehicles: list[Row]
    windows: list[Row]
    """Minutes in which refusals are still counted."""


@dataclass(frozen=True)
class CrashResult:
    """Everything that is compared. `uptimes` of the server, and `problems` found under way."""

    records: Records
    sendings: list[CloudSending]
    installation: Installation
    request_log: RequestLog
    uptimes: list[tuple[int, int]]
    problems: list[str]

    @property
    def commands(self) -> dict[str, Row]:
        return self.records.commands

    @property
    def moments(self) -> list[Moment]:
        return self.common.moments

    @cached_property
    def common(self) -> RunResult:
        """As the shared checks compare it."""
        records = self.records
        return RunResult(
            rows=records.commands,
            entries=records.entries,
            bodies={entry["seq"]: msgspec.json.decode(entry["body"]) for entry in records.entries},
            responses=[_response(post) for post in self.request_log.posts],
            sendings=[
                Sending(each.operation.client_ref, each.operation.command, taken_at=each.operation.accepted_at)
                for each in self.sendings
            ],
            reads=self.request_log.gets,
            acts={command_id: self.acted(command_id) for command_id in self.by_ref},
            windows=records.windows,
            unrecorded=list(self._unrecorded()),
            damage="" if records.whole == "ok" else records.whole,
            company_of=lambda row: self.company_of.get(row["vin"], ""),
            owner_of=self.company_of.get,
            overdue=lambda _kept, bound, until: self.up_between(bound, until) / SECOND - SWEPT_WITHIN,
            refused_for_now=_refused_for_now,
        )

    def _unrecorded(self) -> Iterator[tuple[str, str, int]]:
        """Vehicles whose last ignition command disabled them, and that have no open record."""
        opened_by = {row["vehicle_id"] for row in self.records.immobilisations if row["state"] != "closed"}
        last = {}
        for sending in sorted(self.sendings, key=lambda sending: sending.operation.completed_at or 0):
            if sending.acted and sending.operation.command in IGNITION_PAIR:
                last[sending.operation.vin] = sending.operation
        for vin, operation in last.items():
            row = self.commands.get(operation.client_ref)
            if row is not None and operation.command == DISABLE and row["vehicle_id"] not in opened_by:
                yield vin, row["id"], operation.completed_at or 0

    @cached_property
    def by_ref(self) -> dict[str, list[CloudSending]]:
        """What the clouds took under each command's id."""
        found: dict[str, list[CloudSending]] = defaultdict(list)
        for sending in self.sendings:
            found[sending.operation.client_ref].append(sending)
        return dict(found)

    @cached_property
    def applications(self) -> dict[str, Application]:
        return {application.id: application for application in self.installation.applications}

    @cached_property
    def company_of(self) -> dict[str, str]:
        """Each vehicle's company, by VIN."""
        return {row["vin"]: row["company"] for row in self.records.vehicles}

    def acted(self, command_id: str) -> int:
        """How often the vehicle did it."""
        return max((sending.acted for sending in self.by_ref.get(command_id, ())), default=0)

    def up_between(self, since: int, until: int) -> int:
        """For how many microseconds of that time a server was up and had taken up what the one before it left."""
        return sum(max(0, min(until, ended) - max(since, ready + _TAKEN_UP)) for ready, ended in self.uptimes)

    def states_at(self, instants: list[int]) -> list[Counter[str]]:
        """How many commands were in each open state at each of these instants, which ascend."""
        counts: list[Counter[str]] = []
        state: dict[str, str] = {}
        now: Counter[str] = Counter()
        waiting = iter(self.moments)
        moment = next(waiting, None)
        for instant in instants:
            while moment is not None and moment.at <= instant:
                command_id = moment.command["id"]
                now[state.get(command_id, "")] -= 1
                now[moment.after] += 1
                state[command_id] = moment.after
                moment = next(waiting, None)
            counts.append(Counter({name: count for name, count in now.items() if name in OPEN and count > 0}))
        return counts


def _response(post: PostResult) -> Response:
    who, names = post.application, ("vin", "command", "code", "key", "asked_at", "answered_at", "status", "body")
    return Response(who.id, who.company, *(getattr(post, name) for name in names))


def _refused_for_now(failed: Moment) -> bool:
    """Refused with 503, or no connection at all; or held back, or tried before."""
    refused = failed.body.get("verdict") == "not_taken"
    return failed.before == "Queued" or (refused and failed.body["exchange"].get("status") in (None, 503))


def read_records(connection: sqlite3.Connection) -> Records:
    """Everything that the checks look at."""
    (whole,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    vehicles = "SELECT v.vin, c.name AS company FROM vehicle v JOIN company c ON c.id = v.company_id WHERE v.active = 1"
    return Records(
        whole,
        {row["id"]: row for row in _all(connection, "SELECT * FROM command")},
        _all(connection, "SELECT * FROM entry ORDER BY seq"),
        _all(connection, "SELECT * FROM immobilisation ORDER BY id"),
        _all(connection, vehicles),
        _all(connection, "SELECT * FROM refusal_window"),
    )


def _all(connection: sqlite3.Connection, query: str) -> list[Row]:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return [dict(row) for row in cursor.execute(query)]


_UNDECIDED = "SELECT count(*) FROM command WHERE status IN ('Pending', 'Confirmation')"


@contextmanager
def watched(data: Path) -> Iterator[sqlite3.Connection]:
    """The database of a server that runs, or that ended well."""
    with closing(sqlite3.connect(f"{(data / 'keyturn.db').as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def undecided(connection: sqlite3.Connection) -> int:
    """How many commands have no final status."""
    return int(connection.execute(_UNDECIDED).fetchone()[0])
