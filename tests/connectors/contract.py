"""The connector contract: what every adapter of the port does, whatever its OEM does.

An adapter's test module subclasses `ConnectorContract` and gives it a `rig`.
"""

import asyncio
from enum import Enum, auto
from typing import Protocol

import msgspec
import pytest

from keyturn.connectors.port import Connector
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind, StateReport
from tests.support.clock import RunningClock

from .orders import TOKEN, order, target


class OemBehaviour(Enum):
    """How the OEM treats the commands that reach it."""

    TAKES_IT = auto()
    DOES_NOT_TAKE_IT = auto()
    DOES_NOT_TAKE_IT_NOW = auto()
    IS_ABSENT = auto()
    REFUSES_FOR_MOVING = auto()
    DROPS_THE_CONNECTION = auto()
    NEVER_ANSWERS = auto()
    ANSWERS_HALF = auto()
    ANSWERS_TOO_MUCH = auto()
    ANSWERS_RUBBISH = auto()
    REDIRECTS = auto()
    FAILS_UNLISTED = auto()
    ECHOES_SECRETS = auto()


MAY_HAVE_HAPPENED = (
    OemBehaviour.DROPS_THE_CONNECTION,
    OemBehaviour.NEVER_ANSWERS,
    OemBehaviour.ANSWERS_HALF,
    OemBehaviour.ANSWERS_TOO_MUCH,
    OemBehaviour.ANSWERS_RUBBISH,
    OemBehaviour.REDIRECTS,
    OemBehaviour.FAILS_UNLISTED,
)
PUSHED = (OutcomeKind.IN_PROGRESS, OutcomeKind.SUCCEEDED, OutcomeKind.FAILED, OutcomeKind.REFUSED)
"""Outcomes that an OEM can push for an operation."""
RAW_TEXT = "oem internal text 4711"
"""The OEM's own text in every failure; it must never reach the public."""


class RecordingInbox:
    """An inbox that records what is pushed."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, Operation, OemResponse]] = []
        self.reports: list[tuple[str, str, StateReport]] = []

    async def operation_changed(self, account_id: str, operation: Operation, answer: OemResponse) -> None:
        self.operations.append((account_id, operation, answer))

    async def state_reported(self, account_id: str, external_id: str, report: StateReport) -> None:
        self.reports.append((account_id, external_id, report))


class Rig(Protocol):
    """A connector that offers `start`, and its OEM under the test's control."""

    connector: Connector
    clock: RunningClock

    async def behave(self, behaviour: OemBehaviour) -> None: ...

    def received(self) -> int:
        """How many commands reached the OEM."""
        ...


@pytest.mark.anyio
class ConnectorContract:
    async def test_a_command_that_is_accepted_reaches_the_oem_once(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.TAKES_IT)
        answer = await rig.connector.send(order(rig.clock))
        assert answer.kind in (OutcomeKind.IN_PROGRESS, OutcomeKind.SUCCEEDED)
        assert rig.received() == 1

    @pytest.mark.parametrize("behaviour", MAY_HAVE_HAPPENED, ids=lambda behaviour: behaviour.name.lower())
    async def test_what_may_have_happened_is_sent_once_and_reported_so(self, rig: Rig, behaviour: OemBehaviour) -> None:
        await rig.behave(behaviour)
        answer = await rig.connector.send(order(rig.clock))
        assert answer.kind in (OutcomeKind.UNCLEAR, OutcomeKind.NO_OPERATION)
        assert answer.may_have_happened
        assert rig.received() == 1

    async def test_a_listed_answer_cannot_have_happened(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.DOES_NOT_TAKE_IT)
        answer = await rig.connector.send(order(rig.clock))
        assert (answer.kind, answer.temporary, answer.may_have_happened) == (OutcomeKind.NOT_TAKEN, False, False)

    async def test_a_listed_answer_can_be_temporary_and_say_how_long(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.DOES_NOT_TAKE_IT_NOW)
        answer = await rig.connector.send(order(rig.clock))
        assert (answer.kind, answer.temporary, answer.retry_after) == (OutcomeKind.NOT_TAKEN, True, 7.0)

    async def test_an_unreachable_oem_cannot_have_done_it_and_is_temporary(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.IS_ABSENT)
        answer = await rig.connector.send(order(rig.clock))
        assert (answer.kind, answer.temporary, answer.may_have_happened) == (OutcomeKind.NOT_TAKEN, True, False)

    async def test_a_refusal_for_a_precondition_has_its_number(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.REFUSES_FOR_MOVING)
        answer = await rig.connector.send(order(rig.clock))
        assert (answer.kind, answer.preconditions) == (OutcomeKind.REFUSED, (1,))
        assert not answer.may_have_happened

    @pytest.mark.parametrize("late", ["send_by", "send_by_boottime"])
    async def test_nothing_leaves_after_send_by_on_either_clock(self, rig: Rig, late: str) -> None:
        await rig.behave(OemBehaviour.TAKES_IT)
        overdue = msgspec.structs.replace(order(rig.clock), **{late: 0})
        answer = await rig.connector.send(overdue)
        assert (answer.kind, answer.temporary) == (OutcomeKind.NOT_TAKEN, True)
        assert rig.received() == 0

    async def test_a_command_that_is_not_offered_is_not_sent(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.TAKES_IT)
        answer = await rig.connector.send(order(rig.clock, "self_destruct"))
        assert (answer.kind, answer.temporary) == (OutcomeKind.NOT_TAKEN, False)
        assert rig.received() == 0

    async def test_immobilising_is_offered_only_where_it_blocks_the_next_start_alone(self, rig: Rig) -> None:
        capabilities = rig.connector.capabilities
        assert capabilities.blocks_next_start_only or "disable_ignition" not in capabilities.offers

    @pytest.mark.parametrize("behaviour", list(OemBehaviour), ids=lambda behaviour: behaviour.name.lower())
    async def test_the_record_has_no_secret_and_the_public_text_no_word_of_the_oem(
        self, rig: Rig, behaviour: OemBehaviour
    ) -> None:
        await rig.behave(behaviour)
        answer = await rig.connector.send(order(rig.clock))
        assert answer.exchange is not None
        assert TOKEN not in msgspec.json.encode(answer).decode()
        assert len(answer.exchange.answer) <= 500
        assert RAW_TEXT not in (answer.detail or "")

    async def test_a_query_without_a_response_proves_nothing_about_the_command(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.IS_ABSENT)
        at = target()
        asked = await rig.connector.get_status(at, "start", Operation(id="op-1"))
        found = await rig.connector.find_by_reference(at, "start", "some-id")
        cancelled = await rig.connector.cancel(at, Operation(id="op-1"))
        assert {answer.kind for answer in (asked, found, cancelled)} == {OutcomeKind.NOTHING_FOUND}

    async def test_state_that_cannot_be_read_is_none(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.IS_ABSENT)
        assert (await rig.connector.read_state(target())).report is None

    async def test_start_leads_to_no_push_or_to_usable_ones(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.TAKES_IT)
        inbox = RecordingInbox()
        await rig.connector.start(inbox)
        await rig.connector.send(order(rig.clock))
        await rig.connector.close()
        for account_id, operation, answer in inbox.operations:
            assert account_id
            assert operation.id or operation.url
            assert answer.kind in PUSHED
            assert TOKEN not in msgspec.json.encode(answer).decode()
            assert RAW_TEXT not in (answer.detail or "")
        for account_id, external_id, _report in inbox.reports:
            assert rig.connector.capabilities.reads_state
            assert account_id
            assert external_id

    async def test_start_succeeds_while_the_oem_is_unreachable(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.IS_ABSENT)
        await rig.connector.start(RecordingInbox())

    async def test_nothing_is_pushed_once_it_is_closed(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.TAKES_IT)
        inbox = RecordingInbox()
        await rig.connector.start(inbox)
        await rig.connector.send(order(rig.clock))
        await rig.connector.close()
        pushed = (len(inbox.operations), len(inbox.reports))
        await asyncio.sleep(0.05)
        assert (len(inbox.operations), len(inbox.reports)) == pushed

    async def test_closing_twice_is_closing(self, rig: Rig) -> None:
        await rig.behave(OemBehaviour.TAKES_IT)
        await rig.connector.send(order(rig.clock))
        await rig.connector.close()
        await rig.connector.close()
