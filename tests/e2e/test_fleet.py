"""The simulated fleet's fixed VINs: what each of three commands comes to on each of them, and what the vehicle did."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from keyturn_simulator import fleet_vins
from tests.support.clients import Answer
from tests.support.refusals import COMMAND_UNKNOWN, IMMOBILISED, NO_CONSENT, VIN_UNKNOWN, not_met, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

COLUMNS = ("location", "start", "disable_ignition")
NOT_SENT = "Failed to send command to the OEM."
NO_OPERATION = "Failed to initiate command with the OEM or retrieve status URL."
OUTCOME_UNKNOWN = "Outcome unknown. The vehicle may have executed the command."
NO_ANSWER = "No answer from the vehicle."
DEADLINE = 11.0
"""Seconds after which the answer deadline of those that have one of ten is over."""


@dataclass(frozen=True)
class Cell:
    """What a POST answers, and what GET shows then."""

    code: int = 200
    detail: str | None = None
    """The POST's; none for `Pending`."""
    bare: bool = False
    """No record, and for a two-step command no code."""
    path: tuple[tuple[float, str], ...] = ((0.0, "Success"),)
    """Seconds that pass, and the status that is shown then."""
    shown: str | None = None
    """The record's text when it last showed `Error`."""
    done: int = 1
    """How often the ledger has the command."""
    row: tuple[tuple[str, object], ...] = ()
    """Columns of the record that come to hold these values."""


def conflict(*numbers: int) -> Cell:
    """409 in record form."""
    return Cell(409, not_met(*numbers), path=((0.0, "Error"),), done=0)


def bare(refusal: tuple[int, str]) -> Cell:
    return Cell(refusal[0], refusal[1], bare=True, path=(), done=0)


READ = Cell(done=0)
DONE = Cell()
VERIFIED = Cell(row=(("state", "Verified"), ("verification", "verified")))
NOT_TAKEN = Cell(502, NOT_SENT, path=((0.0, "Error"),), shown=NOT_SENT, done=0)
NOT_READ = Cell(502, NO_OPERATION, path=((0.0, "Error"),), shown=NO_OPERATION, done=0)
FOUND_BY_READING = Cell(502, NO_OPERATION)
NEVER_ANSWERED = Cell(path=((DEADLINE, "Error"),), shown=OUTCOME_UNKNOWN, done=0, row=(("state", "Unknown"),))
LATE = Cell(path=((DEADLINE, "Error"), (10.0, "Success")), shown=OUTCOME_UNKNOWN)
SLOW = Cell(path=((20.0, "Success"),))
LIED = Cell(done=0, row=(("state", "Executed"), ("verification", "contradicted")))
IMMOBILE = Cell(403, IMMOBILISED[1], path=((0.0, "Error"),), shown=IMMOBILISED[1], done=0)
ALREADY = Cell(done=0, row=(("outcome", "already_done"),))

FLEET: dict[str, tuple[Cell, Cell, Cell]] = {
    "9KTPARKED00000001": (READ, DONE, VERIFIED),
    "9KTM0V1NG00000002": (READ, conflict(1, 3, 9), conflict(3)),
    "9KTH00D0000000003": (READ, conflict(5), DONE),
    "9KTFUEL0000000004": (READ, conflict(6), DONE),
    "9KTBATT0000000005": (READ, conflict(7), DONE),
    "9KTHAZARD00000006": (READ, conflict(8), DONE),
    "9KTGEARD000000007": (READ, conflict(3, 9), conflict(3)),
    "9KTM1L00000000008": (READ, conflict(10), DONE),
    "9KTSTARTS00000009": (READ, conflict(11), DONE),
    "9KTD1SABL00000010": (READ, IMMOBILE, ALREADY),
    "9KTN0C0V000000011": (replace(NEVER_ANSWERED, shown=NO_ANSWER), NEVER_ANSWERED, conflict(13)),
    "9KTLATE0000000012": (replace(LATE, shown=NO_ANSWER, done=0), LATE, LATE),
    "9KT0EM50000000013": (NOT_TAKEN, NOT_TAKEN, NOT_TAKEN),
    "9KTN0URL000000014": (NOT_READ, FOUND_BY_READING, FOUND_BY_READING),
    "9KTT1ME0000000015": (READ, DONE, DONE),
    "9KTDR0P0000000016": (READ, DONE, DONE),
    "9KTFLAKY000000017": (READ, DONE, DONE),
    "9KTBADJS000000018": (NOT_READ, FOUND_BY_READING, FOUND_BY_READING),
    "9KTSL0W0000000019": (replace(SLOW, done=0), SLOW, SLOW),
    "9KTL1AR0000000020": (READ, LIED, LIED),
    "9KTSTALE000000021": (READ, DONE, conflict(13)),
    "9KTRENTED00000022": (READ, DONE, DONE),
    "9KTTH1RD000000023": (READ, DONE, bare(VIN_UNKNOWN)),
    "9KTN0PLAN00000024": (READ, bare(COMMAND_UNKNOWN), bare(COMMAND_UNKNOWN)),
    "9KT0THER000000025": (bare(VIN_UNKNOWN), bare(VIN_UNKNOWN), bare(VIN_UNKNOWN)),
    "9KTRLYPRK00000026": (READ, DONE, DONE),
    "9KTRLYMVG00000027": (READ, conflict(1, 3, 9), conflict(3)),
    "9KTRLYSTL00000028": (READ, conflict(1, 3, 5, 6, 7, 8, 9, 10, 11), conflict(3, 13)),
    "9KTNCNSNT00000029": (READ, DONE, bare(NO_CONSENT)),
}


@pytest.fixture(scope="module")
async def column(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    """Fresh data for a column of the table; an OEM that does not answer is given up after a second."""
    async with server_env(
        tmp_path_factory.mktemp(COLUMNS[request.param]), vehicles=0, connector={"timeout": 1.0}
    ) as running:
        yield running


@pytest.mark.parametrize("vin", FLEET)
@pytest.mark.parametrize("column", range(len(COLUMNS)), indirect=True, ids=COLUMNS)
async def test_a_cell_of_the_table(request: pytest.FixtureRequest, column: ServerEnv, vin: str) -> None:
    place: int = request.node.callspec.params["column"]
    command, cell = COLUMNS[place], FLEET[vin][place]
    answer = await posted(column, vin, command, cell)
    record: dict[str, Any] = answer.body
    for seconds, status in cell.path:
        if seconds:
            column.advance(seconds)
        record = await column.first.final(answer.body["id"], status=status)
        if seconds and status == "Error":
            assert [operation.status for operation in column.operations(answer.body["id"])] == ["in_progress"]
        assert status != "Error" or record["detail"] == (cell.shown or cell.detail)
    assert record.get("status", "") != "Success" or "date_time" in record["detail"]
    await columns_come_to_hold(column, answer, cell)
    assert await column.actuations(vin) == [command] * cell.done


async def posted(s: ServerEnv, vin: str, command: str, cell: Cell) -> Answer:
    """The answer of the POST that counts: the second step where a first one gave a code."""
    answer = await s.first.post(vin, command)
    if answer.body.get("status") == "Confirmation":
        assert not cell.bare
        answer = await s.first.post(vin, command, answer.body["code"])
    assert answer.code == cell.code, answer
    assert answer.body.get("detail") == cell.detail
    assert (list(answer.body) == ["detail"]) is cell.bare
    return answer


async def columns_come_to_hold(s: ServerEnv, answer: Answer, cell: Cell) -> None:
    def holds() -> bool:
        row = s.store.command(answer.body["id"])
        return all(row[name] == value for name, value in cell.row)

    if cell.row:
        await s.eventually(holds)


def test_the_table_has_every_vehicle_of_the_fleet() -> None:
    assert list(FLEET) == [vehicle.vin for vehicle in fleet_vins(0)]


@pytest.fixture
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path_factory.mktemp("fresh"), vehicles=0) as running:
        yield running


async def test_an_immobilised_vehicle_is_refused_bare_once_that_is_known(fresh: ServerEnv) -> None:
    vin = "9KTD1SABL00000010"
    found = await fresh.first.post(vin, "start")
    assert (found.code, found.body["detail"], found.body["status"]) == (*IMMOBILISED, "Error")
    assert refused(await fresh.first.post(vin, "start")) == IMMOBILISED
    fresh.advance(86_400)
    await fresh.first.log_in()
    assert refused(await fresh.first.post(vin, "start")) == IMMOBILISED, "whatever the report's age"
    assert await fresh.actuations(vin) == []


async def test_a_vehicle_that_was_disabled_before_we_knew_it_is_enabled(fresh: ServerEnv) -> None:
    vin = "9KTD1SABL00000010"
    enabled = await fresh.first.confirmed(vin, "enable_ignition")
    assert (await fresh.first.final(enabled.body["id"]))["status"] == "Success"
    assert await fresh.actuations(vin) == ["enable_ignition"]
    started = await fresh.first.post(vin, "start")
    assert (await fresh.first.final(started.body["id"]))["status"] == "Success"


async def test_a_vehicle_with_stale_evidence_is_started_and_its_unknowns_are_recorded(fresh: ServerEnv) -> None:
    """The OEM enforces the preconditions itself."""
    answer = await fresh.first.post("9KTSTALE000000021", "start")
    verdicts = fresh.store.command(answer.body["id"])["verdicts"]
    assert {finding["verdict"] for finding in verdicts} == {"unknown"}
    assert [finding["number"] for finding in verdicts] == [1, 3, 5, 6, 7, 8, 9, 10, 11]


async def test_what_was_refused_was_never_sent(fresh: ServerEnv) -> None:
    """Not even tried: the OEM knows of no operation."""
    for vin in ("9KTN0C0V000000011", "9KTSTALE000000021", "9KTRLYMVG00000027", "9KTRLYSTL00000028"):
        answer = await fresh.first.confirmed(vin, "disable_ignition")
        assert answer.code == 409
        assert fresh.store.command(answer.body["id"])["sent_at"] is None
        assert fresh.operations(answer.body["id"]) == []
