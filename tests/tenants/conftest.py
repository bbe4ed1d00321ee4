from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import Staff


@pytest.fixture
def env(tmp_path: Path) -> Iterator[TenantEnv]:
    env = TenantEnv(tmp_path / "data")
    yield env
    env.close()


@pytest.fixture
def application(env: TenantEnv) -> dict[str, Any]:
    """An application of the company Frota, just made: its secrets are in it."""
    env.do("company add", name="Frota")
    return env.do("application add", company="Frota", name="erp")


@pytest.fixture
def enrol(env: TenantEnv) -> Callable[..., dict[str, Any]]:
    """Enrol a vehicle of a company that has an account of its own; the company is made when it is new."""
    env.do("plan add", name="full", commands=["location", "start"])
    companies: set[str] = set()

    def enrolled(company: str, vin: str, **arguments: Any) -> dict[str, Any]:
        if company not in companies:
            companies.add(company)
            env.do("company add", name=company)
            env.do("account add", company=company, connector="acme", name="main", credentials={"token": "t"})
        given = {"account": "main", "plan": "full", "ownership": "owned"} | arguments
        return env.do("vehicle add", company=company, vin=vin, **given)

    return enrolled


@pytest.fixture
def staff(env: TenantEnv) -> Staff:
    return Staff(env)


@pytest.fixture
def ana(staff: Staff) -> Staff:
    """The staff with one admin, who can sign in with both factors."""
    staff.with_password("ana")
    staff.enrol("ana")
    return staff
