"""Between two companies, what is another's answers as what does not exist: same words, same queries, same crypto."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from keyturn.admin.operators import load
from keyturn.app import Node
from keyturn.auth.principal import Operator
from keyturn.config.settings import EngineSettings
from keyturn.errors import OperationError
from tests.support.operators import Staff
from tests.support.refusals import COMMAND_UNKNOWN, VIN_UNKNOWN, refused
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

from .probe import Cost, Probe, probe

pytestmark = pytest.mark.anyio

PARKED, THEIRS, NOBODYS = "9KTPARKED00000001", "9KT0THER000000025", "9KTN0B0DY00000099"
STILL = EngineSettings(sweep_interval=3600.0)
"""Nothing runs by itself while something is measured."""


@dataclass
class Town:
    """Two companies; each has an operator who administers it."""

    server: ServerEnv
    foreign: dict[str, str]
    """By argument: a thing of the second company."""
    command: str
    """A command of the second company."""

    @property
    def node(self) -> Node:
        return self.server.node


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with server_env(tmp_path_factory.mktemp("town"), engine=STILL) as s:
        account = {"company": "second", "connector": "simulator", "name": "theirs", "credentials": {"token": "t"}}
        foreign = {
            "company": (await s.node.administer("company show", {"company": "second"}))["id"],
            "application": (await s.node.administer("application show", {"application": s.second.client_id}))["id"],
            "account": (await s.node.administer("account add", account))["id"],
            "vehicle": (await s.node.administer("vehicle show", {"vehicle": THEIRS}))["id"],
        }
        staff = Staff(s)
        for name, company in (("paula", "first"), ("sergio", "second")):
            await staff.hire(name, "admin", company)
        foreign["person"] = (await s.node.administer("operator show", {"person": "sergio"}))["id"]
        command_id = (await s.second.post(THEIRS, "location")).body["id"]
        await s.second.final(command_id)
        yield Town(s, foreign, command_id)


@pytest.fixture
async def measure(monkeypatch: pytest.MonkeyPatch) -> Probe:
    return probe(monkeypatch)


async def cost(measure: Probe, call: Callable[[], Awaitable[object]]) -> Cost:
    """Of the second call: the first fills the caches."""
    await call()
    with measure.measuring() as counted:
        await call()
    return counted


async def test_a_record_costs_the_same_whosever_it_is(town: Town, measure: Probe) -> None:
    """Another's, one that never was, and one's own."""
    own = (await town.server.first.post(PARKED, "location")).body["id"]
    await town.server.first.final(own)
    costs = []
    for command_id in (town.command, str(uuid.uuid4()), own):
        costs.append(await cost(measure, partial(town.server.first.get, command_id)))
    assert costs[0] == costs[1] == costs[2]
    assert sum(costs[0].statements.values()) == 1
    assert refused(await town.server.first.get(town.command)) == COMMAND_UNKNOWN


@pytest.mark.parametrize("command", [*ALL_COMMANDS, "dance"])
async def test_a_vehicle_of_another_costs_what_none_costs(town: Town, measure: Probe, command: str) -> None:
    for code in (None, "123456"):
        costs = []
        for vin in (THEIRS, NOBODYS):
            await town.node.store.write(lambda tx: tx.run("DELETE FROM refusal_window"))  # its first in a minute
            costs.append(await cost(measure, partial(town.server.first.post, vin, command, code)))
            assert refused(await town.server.first.post(vin, command, code)) == VIN_UNKNOWN
        assert costs[0] == costs[1]
        assert costs[0].statements
        assert costs[0].keyed["hmac.compare_digest"]


ADMINISTERED: dict[str, dict[str, Any]] = {
    "company show": {"company": ...},
    "company set": {"company": ..., "name": "taken over"},
    "application add": {"company": ..., "name": "mole"},
    "application list": {"company": ...},
    "application show": {"application": ...},
    "application set": {"application": ..., "name": "taken over"},
    "application rotate-secret": {"application": ...},
    "account add": {"company": ..., "connector": "simulator", "name": "mole", "credentials": {}},
    "account list": {"company": ...},
    "account show": {"account": ...},
    "account set": {"account": ..., "name": "taken over"},
    "vehicle add": {"company": ..., "vin": "MOLE", "account": "simulator", "plan": "all", "ownership": "owned"},
    "vehicle list": {"company": ...},
    "vehicle show": {"vehicle": ...},
    "vehicle set": {"vehicle": ..., "consent": None},
    "vehicle ready": {"vin": ..., "command": "start"},
    "operator show": {"person": ...},
    "operator set": {"person": ..., "name": "taken over"},
    "operator set-password": {"person": ...},
    "operator reset-totp": {"person": ...},
    "policy show": {"company": ...},
    "policy set": {"company": ..., "second_person": True},
    "switch release": {"account": ..., "reach": "disable"},
    "limit lift": {"application": ..., "company": "first"},
    "switch throw": {"account": ..., "reach": "disable", "reason": "malice"},
    "immobilisation list": {"company": ...},
    "immobilisation close": {"vehicle": ..., "reason": "malice"},
    "notice add": {"vehicle": ..., "channel": "sms"},
    "keep-enabling start": {"vehicle": ...},
    "keep-enabling cancel": {"vehicle": ...},
    "approval show": {"command": ...},
    "approval approve": {"command": ...},
    "approval reject": {"command": ...},
    "command cancel": {"command": ...},
    "change show": {"change": ...},
    "change withdraw": {"change": ...},
    "change approve": {"change": ...},
    "change collect": {"change": ...},
    "change list": {"company": ...},
}
"""By operation: how it names something of somebody's; `...` stands for the reference."""


def references(town: Town, argument: str) -> tuple[str, str]:
    """What is another's, and what there is not."""
    if argument == "command":
        return town.command, str(uuid.uuid4())
    if argument == "vin":
        return THEIRS, NOBODYS
    return town.foreign.get(argument, str(uuid.uuid4())), str(uuid.uuid4())


async def as_paula(town: Town, name: str, arguments: dict[str, Any]) -> tuple[str, str]:
    """Code and words of what an admin of the first company hears."""
    operator = await operator_named(town, "paula")
    with pytest.raises(OperationError) as refusal:
        await town.node.administration._perform([(name, arguments)], operator)
    return refusal.value.code, str(refusal.value)


async def operator_named(town: Town, name: str) -> Operator:
    (row,) = town.server.store.rows("SELECT id FROM operator WHERE name = :name", name=name)
    operator = await town.node.store.read(lambda tx: load(tx, row["id"], second_factor=True))
    assert operator is not None
    return operator


@pytest.mark.parametrize("name", ADMINISTERED)
async def test_an_operation_on_what_is_anothers_is_as_one_on_nothing(town: Town, measure: Probe, name: str) -> None:
    argument = next(key for key, value in ADMINISTERED[name].items() if value is ...)
    heard, costs = [], []
    for reference in references(town, argument):
        arguments = {**ADMINISTERED[name], argument: reference}
        with measure.measuring() as counted:
            code, words = await as_paula(town, name, arguments)
        heard.append((code, words.replace(reference, "...")))
        costs.append(counted)
    assert heard[0] == heard[1]
    assert heard[0][0] == "not_found"
    assert costs[0] == costs[1]


OWN_REACH = frozenset({
    "approval list", "keep-enabling list", "operator accept", "operator add", "operator enrol-totp", "operator list",
    "plan list", "plan show",
})  # fmt: skip
"""Name nothing of anybody's but the caller's, or what all share."""
CLOSED: dict[str, dict[str, Any]] = {
    "alerts list": {},
    "audit acknowledge": {"epoch": 2},
    "alerts test": {},
    "audit checkpoint": {},
    "audit key": {},
    "backup": {"file": "stolen"},
    "clock accept": {},
    "clock show": {},
    "command dossier": {"command": str(uuid.uuid4())},
    "command show": {"command": str(uuid.uuid4())},
    "company add": {"name": "mole"},
    "company list": {},
    "limit list": {},
    "plan add": {"name": "mole", "commands": []},
    "plan set": {"plan": "all", "name": "mole"},
    "switch list": {},
}
"""Of the whole installation."""


async def test_every_operation_is_on_one_of_the_lists(town: Town) -> None:
    """So that a new one is not forgotten here."""
    known = {operation.name for operation in town.node.administration._operations}
    assert known == ADMINISTERED.keys() | OWN_REACH | CLOSED.keys()


@pytest.mark.parametrize("name", CLOSED)
async def test_what_is_the_whole_installations_is_not_there_for_a_company(town: Town, name: str) -> None:
    assert (await as_paula(town, name, CLOSED[name]))[0] == "unknown_operation"


async def test_own_things_are_within_reach(town: Town) -> None:
    """The fence keeps nobody from what is theirs."""
    operator = await operator_named(town, "paula")
    perform = town.node.administration._perform
    (own,) = await perform([("vehicle show", {"vehicle": PARKED})], operator)
    assert own["vin"] == PARKED
    (listed,) = await perform([("application list", {})], operator)
    assert {each["company"] for each in listed["applications"]} == {"first"}
    (shown,) = await perform([("policy show", {"company": "first"})], operator)
    assert shown["second_person"] is False
