"""An office in which changes that loosen have to wait."""

import pytest

from .conftest import Office
from .staff import Staff


@pytest.fixture
def staff(office: Office) -> Staff:
    office.do("company add", name="Frota")
    office.do("company add", name="Outra")
    office.do("application add", company="Frota", name="erp", grants=["location"])
    office.do("plan add", name="basic", commands=["location"])
    return Staff(office)


@pytest.fixture
def two(staff: Staff) -> Staff:
    """With two admins of the installation, ana and bia."""
    staff.settle("ana", "bia")
    return staff
