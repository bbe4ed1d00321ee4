"""Where there is no delay, as in a demo, one who is alone in charge sees the result at once; it is on record."""

from typing import Any

import msgspec
import pytest

from keyturn.operations import OPERATIONS, perform
from tests.support.tenant_env import INSTALLATION, TenantEnv
from tests.tenants.staff import Staff

from .changing import staff as staff

AT_ONCE = msgspec.structs.replace(INSTALLATION, delay=0)


def done(staff: Staff, by: str, name: str, /, **arguments: Any) -> dict[str, Any]:
    env, operator = staff.env, staff.operator(by)
    order = (name, arguments, "operator:local", OPERATIONS, operator)
    return env.wait(env.store.write(lambda tx: perform(tx, env.keyring, AT_ONCE, *order)))


@pytest.fixture
def ana(staff: Staff) -> Staff:
    staff.hire("ana")
    return staff


def test_lone_admin_sees_the_result_and_the_secret(ana: Staff, env: TenantEnv) -> None:
    rotated = done(ana, "ana", "application rotate-secret", application="erp")
    assert env.token(rotated) is not None
    assert done(ana, "ana", "plan set", plan="basic", commands=["start"])["commands"] == ["start"]
    assert ana.kinds()[-3:] == ["change.proposed", "change.applied", "plan.changed"]
    assert done(ana, "ana", "operator add", name="bia", email="b@b.c", role="admin")["code"]


def test_change_without_delay_takes_the_second_factor_all_the_same(ana: Staff) -> None:
    assert ana.refused("application rotate-secret", application="erp") == "sign_in_required"
    assert ana.refused("application rotate-secret", "ana", factor=False, application="erp") == "sign_in_required"


def test_one_of_two_admins_waits_for_the_other(ana: Staff) -> None:
    done(ana, "ana", "operator add", name="bia", email="b@b.c", role="admin")
    change = done(ana, "ana", "plan set", plan="basic", commands=["start"])
    assert (change["state"], change["needs"]) == ("waiting", "approval")
