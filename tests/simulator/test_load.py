import asyncio
from pathlib import Path

import pytest

from keyturn_simulator.vehicles.fleet import BRANDS, latency

from .oem import simulated

pytestmark = pytest.mark.anyio
FLEET = [f"9KTFLEET{number:09d}" for number in range(1, 201)]


async def test_two_hundred_commands_at_once_are_each_done_once(tmp_path: Path) -> None:
    async with simulated(data_dir=tmp_path, lively=False) as oem:
        operations = await asyncio.gather(*(oem.done(vin, "unlock_door", vin) for vin in FLEET))
        assert {operation["status"] for operation in operations} == {"success"}
        assert sorted(entry["vin"] for entry in await oem.ledger()) == FLEET


def test_latencies_lie_around_their_brands_median_and_zero_is_none() -> None:
    for brand in BRANDS:
        drawn = sorted(latency(brand, 2.0, 7, number) for number in range(501))
        assert drawn[250] == pytest.approx(2.0 * brand.pace, rel=0.15)
        assert drawn[0] > 0
        assert latency(brand, 0.0, 7) == 0
