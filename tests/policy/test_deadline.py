"""The last moment in which an approval counts, to the microsecond."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.clock import after
from keyturn.commands.approvals import Approvals, OneCommand, reject
from keyturn.commands.record import Command
from keyturn.commands.states import State
from keyturn.store.port import Tx
from keyturn.tenants import passwords
from keyturn.tenants.administration import Answer, OperationError, Session
from keyturn.tenants.principal import Operator
from tests.commands.installation import INSTALLATION, KEYRING, NOW, add_vehicle, administer, install
from tests.commands.yard import PARKED, Yard

MICROSECOND = 1e-6
WAIT = 900.0


class Desk:
    """A yard in which something waits for an approval, and an operator who may give it."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        hired = yard.do(
            administer,
            "operator add",
            name="ana",
            email="ana@example.com",
            role="approver",
            company="first",
            password=passwords.STRANGER,
        )
        self._operator = Operator(hired["id"], "ana", "approver", yard.names.company, True)
        self._approvals = Approvals(yard.registrar, {"oem": yard.declares})
        yard.report(PARKED)
        yard.administer("policy set", company="first", second_person=True)
        self.awaiting = yard.register("disable_ignition")

    def approve(self) -> Answer:
        return self.yard.do(lambda tx: self._approvals.approve(self._session(tx), self._named))

    def reject(self) -> Answer:
        return self.yard.do(lambda tx: reject(self._session(tx), self._named))

    @property
    def row(self) -> Command:
        return self.yard.row(self.awaiting)

    @property
    def _named(self) -> OneCommand:
        return OneCommand(command=self.awaiting.id)

    def _session(self, tx: Tx) -> Session:
        return Session(tx, KEYRING, INSTALLATION, f"operator:{self._operator.id}", self._operator)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yard = Yard(tmp_path / "data", install(tmp_path / "data"))
    yield Desk(yard)
    yard.close()


def test_until_the_last_microsecond_it_is_approved_and_has_its_whole_time_to_be_sent(desk: Desk) -> None:
    desk.yard.clock.advance(WAIT - MICROSECOND)

    assert desk.approve()["state"] == "Queued"
    assert desk.row.send_deadline == after(NOW, WAIT - MICROSECOND + 120.0)
    assert desk.row.lane_number is not None
    assert desk.yard.lapse(desk.awaiting) is None
    desk.yard.report(PARKED)
    assert desk.yard.intent(desk.row) is not None


@pytest.mark.parametrize("swept", [True, False])
def test_from_then_on_nobody_decides_any_more_swept_or_not(desk: Desk, swept: bool) -> None:
    desk.yard.clock.advance(WAIT)
    if swept:
        desk.yard.lapse(desk.awaiting)

    for decide in (desk.approve, desk.reject):
        with pytest.raises(OperationError) as refusal:
            decide()
        assert refusal.value.code == "not_awaiting"
    assert desk.row.state is (State.EXPIRED if swept else State.AWAITING_APPROVAL)


def test_what_is_approved_is_judged_by_the_rules_of_that_moment(desk: Desk) -> None:
    desk.yard.administer("policy set", company="first", notify_first=True)

    assert desk.approve()["state"] == "Refused"
    assert desk.row.detail == '"Command blocked by policy: no notice to the end user on record."'


def test_what_was_approved_is_judged_again_before_it_is_sent(desk: Desk) -> None:
    desk.approve()
    desk.yard.administer("switch throw", reach="disable", reason="recall")

    assert desk.yard.intent(desk.row) is None
    assert desk.row.detail == '"Command blocked by policy: stopped by a kill switch."'


def test_a_limit_that_was_reached_while_it_waited_does_not_refuse_what_was_counted_already(desk: Desk) -> None:
    yard, other = desk.yard, "9KTPARKED00000002"
    yard.do(add_vehicle, other)
    yard.administer("policy set", company="first", disables_per_company_day=1)
    refusal = yard.refused("disable_ignition", yard.first_step("disable_ignition", vin=other)[1], vin=other)
    assert refusal.detail == "Command blocked by policy: limit of disables reached."

    assert desk.approve()["state"] == "Queued"
    assert yard.intent(desk.row) is not None
