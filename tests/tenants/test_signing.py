"""Which signatures an application's requests may carry."""

from typing import Any

import pytest

from keyturn.tenants.applications import loosens_signing
from keyturn.tenants.directory import CACHE_LIFE
from keyturn.tenants.principal import Principal, Signing

from .conftest import Office


def principal(office: Office, token: str) -> Principal:
    found = office.wait(office.directory.authenticate(token))
    assert found is not None
    return found


def test_any_signature_will_do_unless_told_otherwise(office: Office, application: dict[str, Any]) -> None:
    token = office.token(application)
    assert token is not None
    assert application["signing"] == "any"
    assert (principal(office, token).signing, principal(office, token).client_id) == ("any", application["client_id"])


def test_a_change_is_shown_and_is_in_force_within_a_second(office: Office, application: dict[str, Any]) -> None:
    token = office.token(application)
    assert token is not None
    assert principal(office, token).signing == "any"
    assert office.do("application set", application="erp", signing="v2")["signing"] == "v2"
    office.clock.advance(CACHE_LIFE)
    assert principal(office, token).signing == "v2"
    assert office.do("application set", application="erp", active=True)["signing"] == "v2"
    office.do("application set", application="erp", signing="any")
    office.clock.advance(CACHE_LIFE)
    assert principal(office, token).signing == "any"


def test_no_other_way_of_signing_can_be_asked_for(office: Office, application: dict[str, Any]) -> None:
    office.refused("application set", application="erp", signing="v1")
    assert office.do("application show", application="erp")["signing"] == application["signing"]


@pytest.mark.parametrize(
    ("before", "after", "loosens"),
    [("v2", "any", True), ("any", "v2", False), ("any", "any", False), ("v2", "v2", False)],
)
def test_only_going_back_to_any_loosens(before: Signing, after: Signing, loosens: bool) -> None:
    assert loosens_signing(before, after) is loosens
