"""Operators and a company, where changes that relax a safeguard have to wait."""

import pytest

from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import Staff


@pytest.fixture
def staff(env: TenantEnv) -> Staff:
    env.do("company add", name="Frota")
    env.do("company add", name="Outra")
    env.do("application add", company="Frota", name="erp", grants=["location"])
    env.do("plan add", name="basic", commands=["location"])
    return Staff(env)


@pytest.fixture
def two(staff: Staff) -> Staff:
    """With two admins of the installation, ana and bia."""
    staff.settle("ana", "bia")
    return staff
