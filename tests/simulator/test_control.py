from datetime import datetime, timedelta

import pytest

from .oem import Oem

pytestmark = pytest.mark.anyio
PARKED = "9KTPARKED00000001"


async def test_the_clock_is_read_and_advanced_over_http(oem: Oem) -> None:
    before = await oem.call("GET", f"{oem.base_url}/control/clock")
    await oem.advance(90.5)
    after = await oem.call("GET", f"{oem.base_url}/control/clock")
    moved = datetime.fromisoformat(after[1]["now"]) - datetime.fromisoformat(before[1]["now"])
    assert moved == timedelta(seconds=90.5)
    assert after[1]["offset"] - before[1]["offset"] == pytest.approx(90.5)


async def test_reset_gives_fresh_data_and_new_operation_ids(oem: Oem) -> None:
    await oem.control(f"vehicles/{PARKED}", reachable=False, signals={"hood_status": "open"})
    first = await oem.done("9KTSL0W0000000019", "unlock_door")
    await oem.advance(20)
    await oem.control("reset")
    assert (await oem.ledger(), await oem.look_up()) == ([], [])
    report = await oem.state(PARKED)
    assert (report["reachable"], report["signals"]["hood_status"]["value"]) == (True, "closed")
    assert (await oem.done("9KTSL0W0000000019", "unlock_door"))["id"] != first["id"]


async def test_a_set_signal_shows_and_what_follows_from_it_too(oem: Oem) -> None:
    await oem.control(f"vehicles/{PARKED}", signals={"fuel_level": 20, "doors_locked": False})
    values = await oem.values(PARKED)
    assert (values["fuel_level"], values["fuel_amount"], values["doors_locked"]) == (20, 10.0, False)


async def test_a_vehicle_can_be_made_stale_and_fresh_again(oem: Oem) -> None:
    fresh = (await oem.state(PARKED))["last_contact"]
    assert (await oem.control(f"vehicles/{PARKED}", evidence_age=600))["evidence_age"] == 600
    assert (await oem.state(PARKED))["last_contact"] < fresh
    await oem.control(f"vehicles/{PARKED}", evidence_age=0)
    assert (await oem.state(PARKED))["last_contact"] == fresh


async def test_however_stale_a_vehicle_no_value_is_younger_than_its_report(oem: Oem) -> None:
    await oem.control(f"vehicles/{PARKED}", evidence_age=30 * 86400)
    report = await oem.state(PARKED)
    assert max(signal["observed_at"] for signal in report["signals"].values()) <= report["last_contact"]


@pytest.mark.parametrize(
    ("setting", "body"),
    [
        ("clock", {"advance": -1}),
        ("clock", {}),
        ("latency", {"median": "fast"}),
        (f"vehicles/{PARKED}", {"signals": {"wings": 2}}),
        (f"vehicles/{PARKED}", {"signals": {"speed": "fast"}}),
        (f"vehicles/{PARKED}", {"signals": {"speed": True}}),
        (f"vehicles/{PARKED}", {"signals": {"fuel_amount": 3}}),
        (f"vehicles/{PARKED}", {"fault": "gremlins"}),
        (f"vehicles/{PARKED}", {"speed": 3}),
    ],
)
async def test_an_invalid_control_request_is_refused(oem: Oem, setting: str, body: dict[str, object]) -> None:
    status, answer = await oem.call("POST", f"{oem.base_url}/control/{setting}", json=body)
    assert (status, answer["error"]["code"]) == (400, "invalid_request")


async def test_control_and_ledger_of_an_unknown_vehicle_are_not_found(oem: Oem) -> None:
    assert (await oem.call("POST", f"{oem.base_url}/control/vehicles/NONE", json={}))[0] == 404
    assert (await oem.call("GET", f"{oem.base_url}/vehicles/NONE/ledger"))[0] == 404
