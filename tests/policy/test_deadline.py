"""The last moment in which an approval counts, to the microsecond."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.admin.operation import Answer, Session
from keyturn.auth import passwords
from keyturn.auth.principal import Operator
from keyturn.clock import after
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.commands.operations.approvals import Approvals, OneCommand, reject
from keyturn.errors import OperationError
from keyturn.store.port import Tx
from tests.support.command_env import PARKED, CommandEnv
from tests.support.enrolment import INSTALLATION, KEYRING, NOW, add_vehicle, administer, install

MICROSECOND = 1e-6
WAIT = 900.0


class Desk:
    """A command environment in which something waits for an approval, and an operator who may give it."""

    def __init__(self, env: CommandEnv) -> None:
        self.env = env
        hired = env.do(
            administer,
            "operator add",
            name="ana",
            email="ana@example.com",
            role="approver",
            company="first",
            password=passwords.DUMMY_HASH,
        )
        self._operator = Operator(hired["id"], "ana", "approver", env.names.company, True)
        self._approvals = Approvals(env.factory, {"oem": env.capabilities})
        env.report(PARKED)
        env.administer("policy set", company="first", second_person=True)
        self.awaiting = env.register("disable_ignition")

    def approve(self) -> Answer:
        return self.env.do(lambda tx: self._approvals.approve(self._session(tx), self._named))

    def reject(self) -> Answer:
        return self.env.do(lambda tx: reject(self._session(tx), self._named))

    @property
    def row(self) -> Command:
        return self.env.row(self.awaiting)

    @property
    def _named(self) -> OneCommand:
        return OneCommand(command=self.awaiting.id)

    def _session(self, tx: Tx) -> Session:
        return Session(tx, KEYRING, INSTALLATION, f"operator:{self._operator.id}", self._operator)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    env = CommandEnv(tmp_path / "data", install(tmp_path / "data"))
    yield Desk(env)
    env.close()


def test_until_the_last_microsecond_it_is_approved_and_has_its_whole_time_to_be_sent(desk: Desk) -> None:
    desk.env.clock.advance(WAIT - MICROSECOND)

    assert desk.approve()["state"] == "Queued"
    assert desk.row.send_deadline == after(NOW, WAIT - MICROSECOND + 120.0)
    assert desk.row.lane_number is not None
    assert desk.env.lapse(desk.awaiting) is None
    desk.env.report(PARKED)
    assert desk.env.intent(desk.row) is not None


@pytest.mark.parametrize("swept", [True, False])
def test_from_then_on_nobody_decides_any_more_swept_or_not(desk: Desk, swept: bool) -> None:
    desk.env.clock.advance(WAIT)
    if swept:
        desk.env.lapse(desk.awaiting)

    for decide in (desk.approve, desk.reject):
        with pytest.raises(OperationError) as refusal:
            decide()
        assert refusal.value.code == "not_awaiting"
    assert desk.row.state is (State.EXPIRED if swept else State.AWAITING_APPROVAL)


def test_what_is_approved_is_judged_by_the_rules_of_that_moment(desk: Desk) -> None:
    desk.env.administer("policy set", company="first", notify_first=True)

    assert desk.approve()["state"] == "Refused"
    assert desk.row.detail == '"Command blocked by policy: no notice to the end user on record."'


def test_what_was_approved_is_judged_again_before_it_is_sent(desk: Desk) -> None:
    desk.approve()
    desk.env.administer("switch throw", reach="disable", reason="recall")

    assert desk.env.intent(desk.row) is None
    assert desk.row.detail == '"Command blocked by policy: stopped by a kill switch."'


def test_a_limit_that_was_reached_while_it_waited_does_not_refuse_what_was_counted_already(desk: Desk) -> None:
    env, other = desk.env, "9KTPARKED00000002"
    env.do(add_vehicle, other)
    env.administer("policy set", company="first", disables_per_company_day=1)
    refusal = env.refused("disable_ignition", env.first_step("disable_ignition", vin=other)[1], vin=other)
    assert refusal.detail == "Command blocked by policy: limit of disables reached."

    assert desk.approve()["state"] == "Queued"
    assert env.intent(desk.row) is not None
