"""What a run left: rows, audit entries as a history of states, what the clouds took and what the clients heard."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from keyturn.commands.catalogue import COMMANDS
from keyturn_simulator.operations import Operation
from verification.crash.caller import Book
from verification.crash.scenario import Application, Installation

Row = Mapping[str, Any]

_TAKEN_UP = 500_000
"""Microseconds: a server that is just ready looks for deadlines that passed once it has read what is open."""
WITH_OEM = frozenset({"Dispatching", "Accepted"})
OPEN = WITH_OEM | {"AwaitingApproval", "Queued", "Unknown"}
_REGISTERED = {"Confirmation": "Confirming", "Pending": "Queued", "Error": "Refused"}
"""The state in which a command was registered, by the status that its entry tells."""
STATES = OPEN | {"Confirming", "Executed", "Verified", "Refused", "Failed", "Expired", "Cancelled"}


class Sending(NamedTuple):
    """What a company's cloud took, and how often its vehicle acted on that command."""

    company: str
    operation: Operation
    acted: int

    @property
    def read(self) -> bool:
        return COMMANDS[self.operation.command].is_read


class Moment(NamedTuple):
    """An audit entry about a command."""

    at: int
    kind: str
    """Without the prefix ``command.``."""
    command: Row
    before: str | None
    """The command's state before; None: it was registered here."""
    after: str
    body: Mapping[str, Any]
    others: Mapping[str, str]
    """At a sending: the states of the vehicle's other open commands."""

    @property
    def moved(self) -> bool:
        return self.kind in STATES


class Records(NamedTuple):
    """The database."""

    whole: str
    """What SQLite says of the file."""
    commands: dict[str, Row]
    entries: list[Row]
    immobilisations: list[Row]
    vehicles: list[Row]
    windows: list[Row]
    """Minutes in which refusals are still counted."""


@dataclass(frozen=True)
class RunResult:
    """Everything that is compared. `lives` of the server, and complaints that came up on the way."""

    records: Records
    sendings: list[Sending]
    installation: Installation
    book: Book
    lives: list[tuple[int, int]]
    complaints: list[str]

    @property
    def commands(self) -> dict[str, Row]:
        return self.records.commands

    @cached_property
    def moments(self) -> list[Moment]:
        return list(_moments(self.records))

    @cached_property
    def by_ref(self) -> dict[str, list[Sending]]:
        """What the clouds took under each command's id."""
        found: dict[str, list[Sending]] = defaultdict(list)
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
        return sum(max(0, min(until, ended) - max(since, ready + _TAKEN_UP)) for ready, ended in self.lives)

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


def _moments(records: Records) -> Iterator[Moment]:
    states: dict[str, str] = {}
    open_of: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in records.entries:
        command = records.commands.get(entry["command_id"] or "")
        if command is None or not entry["kind"].startswith("command."):
            continue
        kind, body = entry["kind"].removeprefix("command."), msgspec.json.decode(entry["body"])
        of_vehicle, before = open_of[entry["vehicle_id"]], states.get(command["id"])
        of_vehicle.pop(command["id"], None)
        after = _REGISTERED[body["status"]] if kind == "registered" else kind if kind in STATES else before or "?"
        others = dict(of_vehicle) if kind == "Dispatching" else {}
        yield Moment(entry["at"], kind, command, before, after, body, others)
        states[command["id"]] = after
        if after in OPEN:
            of_vehicle[command["id"]] = after
