"""Proposed credentials are tried only where a trial leaves them as they are."""

from typing import Any, cast

import pytest

from keyturn.clock import SystemClock
from keyturn.connectors.port import Account, Capabilities, Connector, Target
from keyturn.engine.credential_trials import CredentialTrials
from keyturn.engine.vehicle_reader import Reached
from keyturn.tenants import spare_credentials
from keyturn.tenants.spare_credentials import Proposed

OWN = Target(Account("account", {"token": "own"}), "9KTPARKED00000001", "car")
PROPOSAL = Proposed("change", "account", Account("account change change", {"token": "new"}))


class Far:
    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities


class OneVehicle:
    """Immobilised, behind the one account."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._reached = Reached(cast(Any, object()), OWN, cast(Connector, Far(capabilities)))

    def reach_in(self, _tx: object, _vehicle_id: str) -> Reached:
        return self._reached


@pytest.mark.parametrize(("spends", "tried"), [(False, ["change"]), (True, [])])
def test_a_refresh_token_that_is_good_once_is_not_tried(
    monkeypatch: pytest.MonkeyPatch, spends: bool, tried: list[str]
) -> None:
    monkeypatch.setattr(spare_credentials, "accounts_with_former", lambda _tx: [])
    monkeypatch.setattr(spare_credentials, "load_proposed", lambda _tx, _keyring: [PROPOSAL])
    monkeypatch.setattr(spare_credentials, "longest_immobilised", lambda _tx, _account_id: "vehicle")
    capabilities = Capabilities(frozenset(), reads_state=True, rotates_credentials=spends)
    nothing: Any = None
    trying = CredentialTrials(nothing, SystemClock(), nothing, cast(Any, OneVehicle(capabilities)))

    idle, trials = trying._survey(nothing)

    assert (idle, [trial.key for trial in trials]) == ([], tried)
