"""Every administration operation is guarded, or says why it is not; and what says that it only reads writes nothing."""

import uuid
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Any, cast

import pytest

from keyturn.admin.guards import ALWAYS, Guard, Need, at_once, reads
from keyturn.admin.operation import Answer, Arguments, Operation
from keyturn.operations import perform
from keyturn.store.port import ReadTx, Tx
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

VIN = "9KTPARKED00000001"
READS: dict[str, dict[str, Any]] = {
    "account list": {},
    "account show": {"account": "simulator", "company": "first"},
    "alerts list": {},
    "application list": {},
    "application show": {"application": "app", "company": "first"},
    "approval list": {},
    "approval show": {"command": "{command}"},
    "audit key": {},
    "change list": {},
    "clock show": {},
    "change show": {"change": str(uuid.uuid4())},
    "command dossier": {"command": "{command}"},
    "command show": {"command": "{command}"},
    "company list": {},
    "company show": {"company": "first"},
    "immobilisation list": {},
    "keep-enabling list": {},
    "limit list": {},
    "operator list": {},
    "operator show": {"person": "vera"},
    "plan list": {},
    "plan show": {"plan": "all"},
    "policy show": {"company": "first"},
    "switch list": {},
    "vehicle list": {"company": "first"},
    "vehicle ready": {"vin": VIN, "command": "start", "application": "app"},
    "vehicle show": {"vehicle": VIN},
}
FIRST_MISSING = {"change show": "not_found"}


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ServerEnv, str]]:
    async with server_env(tmp_path_factory.mktemp("table"), vehicles=3) as s:
        vera = {"name": "vera", "email": "v@b.c", "role": "viewer", "password": "a long enough phrase"}
        await s.node.administer("operator add", vera)
        command_id = (await s.first.post(VIN, "location")).body["id"]
        await s.first.final(command_id)
        yield s, command_id


def table(s: ServerEnv) -> tuple[Operation, ...]:
    return s.node.administration._operations


def unreasoned(operations: Iterable[Operation]) -> list[str]:
    """Rows without a guard of their own, and those that are not always guarded and do not say why."""
    return [each.name for each in operations if each.guard is ALWAYS or not _reasoned(each.guard)]


def _reasoned(guard: Guard) -> bool:
    always = guard.need is ALWAYS.need
    return len(guard.risk) > 1 and (always or len(guard.rationale) > 1)


async def test_every_operation_says_what_it_may_harm_and_why_it_is_not_guarded(site: tuple[ServerEnv, str]) -> None:
    assert unreasoned(table(site[0])) == []


def _nothing(_session: object, _arguments: object) -> Answer:
    return {}


def test_an_operation_that_is_added_without_a_reason_is_found() -> None:
    rows = (
        Operation("thing do", Arguments, _nothing),
        Operation("thing undo", Arguments, _nothing, guard=at_once("Much.", "")),
        Operation("thing show", Arguments, _nothing, guard=reads()),
    )
    assert unreasoned(rows) == ["thing do", "thing undo"]
    assert rows[0].guard.need(None, None) is Need.CHANGE


async def test_every_operation_that_says_it_only_reads_is_tried_here(site: tuple[ServerEnv, str]) -> None:
    assert {each.name for each in table(site[0]) if each.guard.rationale == reads().rationale} == READS.keys()


@pytest.mark.parametrize("name", READS)
async def test_what_says_it_only_reads_is_done_where_nothing_can_be_written(
    site: tuple[ServerEnv, str], name: str
) -> None:
    """In a transaction of the reader, which has no way to write."""
    s, command_id = site
    filled = {key: command_id if value == "{command}" else value for key, value in READS[name].items()}
    work = partial(_read, s=s, name=name, arguments=filled)
    if name in FIRST_MISSING:
        with pytest.raises(Exception, match="There is no change"):
            await s.node.store.read(work)
    else:
        assert await s.node.store.read(work)


def _read(tx: ReadTx, s: ServerEnv, name: str, arguments: dict[str, Any]) -> Answer:
    assert not hasattr(tx, "run")
    desk = s.node.administration
    context = desk._keyring, desk._installation, name, arguments, "operator:local", table(s)
    return perform(cast("Tx", tx), *context)


async def test_writing_operation_fails_in_a_readers_transaction(site: tuple[ServerEnv, str]) -> None:
    work = partial(_read, s=site[0], name="company add", arguments={"name": "third"})
    with pytest.raises(AttributeError):
        await site[0].node.store.read(work)
