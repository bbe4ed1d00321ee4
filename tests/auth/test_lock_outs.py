"""Locking somebody in charge out of signing in buys no time for a change."""

import pytest

from keyturn.auth.login import sign_in
from keyturn.auth.principal import Credentials, Operator
from keyturn.errors import OperationError
from tests.admin.changing import staff as staff
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import NOTICE, PASSWORD, Staff

LOCK = 900.0


@pytest.fixture
def watchful(staff: Staff) -> Staff:
    """ana, who can really sign in, and bia, who wants to be quicker than she."""
    staff.hire("bia", "approver")
    staff.with_password("ana")
    staff.enrol("ana")
    staff.do("operator set", "ana", person="bia", role="admin")
    staff.wait(NOTICE)
    return staff


def lock(staff: Staff, name: str = "ana") -> None:
    for _ in range(5):
        staff.turned_away(name, "not the password")


def pending(staff: Staff) -> str:
    """A change that ana was talked into."""
    change = staff.do("plan set", "bia", plan="basic", commands=["start"])
    return str(staff.do("change approve", "ana", change=change["change"])["change"])


def despite_lock(staff: Staff, password: str = PASSWORD, code: str | None = None) -> Operator:
    env = staff.env
    return env.wait(sign_in(env.store, env.keyring, Credentials("ana", password, code), despite_lock=True))


def test_with_password_and_code_somebody_who_is_locked_out_can_withdraw(watchful: Staff) -> None:
    change = pending(watchful)
    lock(watchful)
    code = watchful.code("ana")
    watchful.turned_away("ana", code=code)
    ana = despite_lock(watchful, code=code)
    assert watchful.act("change withdraw", {"change": change}, ana)["state"] == "withdrawn"


def test_during_a_lock_out_the_password_alone_is_not_enough_nor_is_a_wrong_one(watchful: Staff) -> None:
    lock(watchful)
    code = watchful.code("ana")
    for password, given in ((PASSWORD, None), (PASSWORD, "000000"), ("not the password", code)):
        with pytest.raises(OperationError) as refusal:
            despite_lock(watchful, password, given)
        assert refusal.value.code == "sign_in_refused"
    assert despite_lock(watchful, code=code).name == "ana"


def test_tries_during_a_lock_out_do_not_prolong_it(watchful: Staff, env: TenantEnv) -> None:
    lock(watchful)
    env.clock.advance(LOCK - 1)
    with pytest.raises(OperationError):
        despite_lock(watchful, "not the password", "000000")
    env.clock.advance(1)
    watchful.sign_in("ana")


def test_anybody_at_the_shell_withdraws(watchful: Staff) -> None:
    change = pending(watchful)
    assert watchful.do("change withdraw", change=change)["state"] == "withdrawn"


def test_a_lock_of_somebody_in_charge_prolongs_the_notice(watchful: Staff, env: TenantEnv) -> None:
    change = pending(watchful)
    env.clock.advance(NOTICE - 30)
    lock(watchful)
    watchful.wait(LOCK)
    assert watchful.state({"change": change}) == "pending"
    assert watchful.kinds().count("change.extended") == 1
    watchful.wait(NOTICE - 1)
    assert watchful.state({"change": change}) == "pending"
    watchful.wait(1)
    assert watchful.state({"change": change}) == "applied"


def test_a_notice_that_begins_while_somebody_is_locked_out_lasts_beyond_the_lock(watchful: Staff) -> None:
    lock(watchful)
    change = pending(watchful)
    watchful.wait(LOCK + NOTICE - 1)
    assert watchful.state({"change": change}) == "pending"
    watchful.wait(1)
    assert watchful.state({"change": change}) == "applied"


def test_a_lock_of_somebody_who_is_not_in_charge_prolongs_nothing(watchful: Staff, env: TenantEnv) -> None:
    watchful.hire("vera", "viewer", by="ana")
    watchful.hire("frida", "viewer", by="ana", company="Frota")
    change = pending(watchful)
    for name in ("vera", "frida", "nobody"):
        lock(watchful, name)
    watchful.wait(NOTICE)
    assert watchful.state({"change": change}) == "applied"
