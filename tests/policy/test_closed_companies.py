"""A company or an application that is closed at once takes nothing from the way back of what is immobilised."""

from collections.abc import AsyncIterator, Iterator

import pytest

from keyturn.config.settings import ImmobilisationSettings
from keyturn_simulator import fleet_vins
from tests.support.server_env import ServerEnv, server_env

from .shell import keyturn

pytestmark = pytest.mark.anyio

VEHICLES = 30


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    brisk = ImmobilisationSettings(keep_enabling_pause=0.5)
    async with server_env(tmp_path_factory.mktemp("site"), vehicles=VEHICLES, immobilisation=brisk) as running:
        yield running


@pytest.fixture(scope="module")
def garage() -> Iterator[str]:
    return iter([each.vin for each in fleet_vins(VEHICLES) if each.ordinary and each.powertrain == "combustion"])


async def is_enabled_again(site: ServerEnv, vin: str) -> None:
    await site.eventually(lambda: site.signal(vin, "ignition_disabled") is False)
    await site.eventually(
        lambda: site.store.rows("SELECT 1 FROM immobilisation WHERE state <> 'closed' OR held = 1") == []
    )


@pytest.mark.parametrize("closed", ["application", "company"])
async def test_an_operator_enables_the_vehicles_of_whoever_was_closed(
    site: ServerEnv, garage: Iterator[str], closed: str
) -> None:
    vin = next(garage)
    await site.done(vin, "disable_ignition")
    words = ("application", "set", site.first.client_id) if closed == "application" else ("company", "set", "first")

    await keyturn(site, *words, "--no-active")

    (*_, told) = site.store.entries(f"{closed}.changed")
    assert (told["body"]["active"], told["body"]["immobilised"]) == (False, 1)
    assert site.signal(vin, "ignition_disabled") is True
    await keyturn(site, "enable", vin, "--keep")
    await is_enabled_again(site, vin)
    await keyturn(site, *words, "--active")
    await site.first.log_in()


async def test_enabling_that_goes_on_waits_for_the_end_of_a_switch_and_goes_on_then(
    site: ServerEnv, garage: Iterator[str]
) -> None:
    """It can be started while restoring commands are held back, and nobody has to release the switch."""
    vin = next(garage)
    await site.done(vin, "disable_ignition")
    await keyturn(site, "switch", "throw", "restoring", "the relay is on fire")
    await keyturn(site, "enable", vin, "--keep")
    tried = """SELECT k.issued FROM keep_enabling k JOIN vehicle v ON v.id = k.vehicle_id
    WHERE v.vin = :vin AND k.ended_at IS NULL AND k.next_at > k.started_at"""
    await site.eventually(lambda: bool(site.store.rows(tried, vin=vin)))
    assert [row["issued"] for row in site.store.rows(tried, vin=vin)] == [0]

    site.advance(600.0)

    await is_enabled_again(site, vin)
    await site.eventually(lambda: len(site.store.entries("switch.ended")) == 1)
    assert (await keyturn(site, "switch", "list")) == {"switches": []}


async def test_closing_a_company_counts_the_vehicles_that_stand_still(site: ServerEnv) -> None:
    await keyturn(site, "company", "set", "second", "--no-active")

    (*_, told) = site.store.entries("company.changed")
    assert told["body"]["immobilised"] == 0
