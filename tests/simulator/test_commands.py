import pytest

from .oem import Oem

pytestmark = pytest.mark.anyio
PARKED = "9KTPARKED00000001"
DISABLED = "9KTD1SABL00000010"
DIAGNOSTICS = {
    *("fuel_amount", "fuel_capacity", "fuel_level", "fuel_range", "odometer", "seat_belt_status", "system_power_mode"),
    *("ideal_front_tire_pressure", "ideal_rear_tire_pressure", "oil_remaining_life", "oil_remaining_life_status"),
    *("left_front_tire_pressure", "right_front_tire_pressure", "left_rear_tire_pressure", "right_rear_tire_pressure"),
    *("left_front_tire_pressure_status", "right_front_tire_pressure_status", "left_rear_tire_pressure_status"),
    *("right_rear_tire_pressure_status", "total_fuel_economy", "total_fuel_used"),
}


async def test_a_command_is_accepted_and_its_url_reports_the_outcome(oem: Oem) -> None:
    status, body = await oem.send(PARKED, "unlock_door")
    taken = body["operation"]
    assert status == 202
    assert set(taken) == {"id", "url", "status"}
    assert taken["url"] == f"{oem.base_url}/operations/{taken['id']}"
    done = await oem.operation(taken["url"])
    assert (done["status"], done["data"]) == ("success", {})
    assert len(done["completed_at"]) == len("2025-10-09T12:00:00.000000Z")
    assert await oem.ledger(PARKED) == [
        {"vin": PARKED, "command": "unlock_door", "client_ref": "ref-1", "at": done["completed_at"]}
    ]


async def test_location_answers_a_position_and_stays_out_of_the_ledger(oem: Oem) -> None:
    data = (await oem.done(PARKED, "location"))["data"]
    values = await oem.values(PARKED)
    assert data == {"latitude": values["latitude"], "longitude": values["longitude"]}
    assert all(round(degrees, 7) == degrees != 0 for degrees in data.values())
    assert await oem.ledger() == []


async def test_diagnostics_answer_every_data_point_and_stay_out_of_the_ledger(oem: Oem) -> None:
    data = (await oem.done(PARKED, "diagnostics"))["data"]
    assert set(data) == DIAGNOSTICS
    assert data["fuel_amount"] == pytest.approx(data["fuel_level"] * data["fuel_capacity"] / 100, abs=0.1)
    assert await oem.ledger() == []


@pytest.mark.parametrize(
    ("command", "signal", "before", "after"),
    [
        ("unlock_door", "doors_locked", True, False),
        ("disable_ignition", "ignition_disabled", False, True),
        ("start", "remote_start_active", False, True),
        ("start", "system_power_mode", "off", "on"),
        ("start", "ignition_status", "ignition off", "ignition on"),
        ("start", "consecutive_remote_starts", 0, 1),
        ("alert", "remote_alert_active", False, True),
        ("alert", "hazard_lights", "off", "on"),
    ],
)
async def test_an_actuating_command_changes_its_signal(
    oem: Oem, command: str, signal: str, before: object, after: object
) -> None:
    assert (await oem.values(PARKED))[signal] == before
    await oem.advance(5)
    done = await oem.done(PARKED, command)
    await oem.advance(5)
    report = await oem.state(PARKED)
    assert report["signals"][signal]["value"] == after
    assert report["signals"][signal]["observed_at"] == done["completed_at"]
    assert report["signals"][signal]["as_of"] == report["last_contact"] > done["completed_at"]
    assert await oem.actuated(PARKED) == [command]


async def test_an_unchanged_value_keeps_the_instant_at_which_it_came_into_being(oem: Oem) -> None:
    before = (await oem.state(PARKED))["signals"]["doors_locked"]["observed_at"]
    await oem.done(PARKED, "lock_door")
    assert (await oem.state(PARKED))["signals"]["doors_locked"]["observed_at"] == before
    assert await oem.actuated(PARKED) == ["lock_door"]


async def test_an_alert_ends_after_thirty_seconds(oem: Oem) -> None:
    await oem.done(PARKED, "alert")
    await oem.advance(29)
    assert (await oem.values(PARKED))["remote_alert_active"] is True
    await oem.advance(1)
    values = await oem.values(PARKED)
    assert (values["remote_alert_active"], values["hazard_lights"]) == (False, "off")


async def test_cancel_alert_stops_horn_and_lights_but_not_hazard_lights_switched_on_by_hand(oem: Oem) -> None:
    hazard = "9KTHAZARD00000006"
    for vin, lights in ((PARKED, "off"), (hazard, "on")):
        await oem.done(vin, "alert")
        await oem.advance(1)
        assert (await oem.done(vin, "cancel_alert"))["status"] == "success"
        values = await oem.values(vin)
        assert (values["remote_alert_active"], values["hazard_lights"]) == (False, lights)


async def test_a_remote_start_ends_by_itself_after_ten_minutes(oem: Oem) -> None:
    await oem.done(PARKED, "start")
    await oem.advance(599)
    assert (await oem.values(PARKED))["system_power_mode"] == "on"
    await oem.advance(1)
    values = await oem.values(PARKED)
    assert (values["system_power_mode"], values["remote_start_active"]) == ("off", False)
    assert values["consecutive_remote_starts"] == 1


async def test_cancel_start_turns_the_engine_off_and_keeps_the_count(oem: Oem) -> None:
    await oem.done(PARKED, "start")
    await oem.advance(1)
    assert (await oem.done(PARKED, "cancel_start"))["status"] == "success"
    values = await oem.values(PARKED)
    assert (values["system_power_mode"], values["remote_start_active"]) == ("off", False)
    assert values["consecutive_remote_starts"] == 1
    assert await oem.actuated(PARKED) == ["start", "cancel_start"]


async def test_cancel_start_cancels_a_start_that_the_vehicle_has_not_got(oem: Oem) -> None:
    late = "9KTLATE0000000012"
    _, start = await oem.send(late, "start", "start-1")
    await oem.control(f"vehicles/{late}", fault="none")
    assert (await oem.done(late, "cancel_start", "cancel-1"))["status"] == "success"
    await oem.advance(60)
    operation = await oem.operation(start["operation"]["url"])
    assert (operation["status"], operation["error"]["code"]) == ("failure", "cancelled")
    assert await oem.actuated(late) == ["cancel_start"]


async def test_a_third_remote_start_in_a_row_is_refused(oem: Oem) -> None:
    for round_number in (1, 2):
        assert (await oem.done(PARKED, "start", f"start-{round_number}"))["status"] == "success"
        assert (await oem.done(PARKED, "cancel_start", f"cancel-{round_number}"))["status"] == "success"
    assert (await oem.done(PARKED, "start", "start-3"))["error"]["code"] == "start_limit"


async def test_the_same_client_ref_twice_actuates_twice(oem: Oem) -> None:
    first, second = await oem.done(PARKED, "unlock_door"), await oem.done(PARKED, "unlock_door")
    assert first["id"] != second["id"]
    assert [found["id"] for found in await oem.look_up()] == [first["id"], second["id"]]
    assert await oem.actuated(PARKED) == ["unlock_door", "unlock_door"]


async def test_disabling_a_disabled_vehicle_is_already_done_and_counts_nothing(oem: Oem) -> None:
    done = await oem.done(DISABLED, "disable_ignition")
    assert (done["status"], done["already_done"]) == ("success", True)
    assert await oem.ledger() == []


async def test_enabling_the_ignition_lets_the_engine_start_again(oem: Oem) -> None:
    assert (await oem.done(DISABLED, "start", "start-1"))["error"]["code"] == "immobilised"
    enabled = await oem.done(DISABLED, "enable_ignition")
    assert enabled["status"] == "success"
    assert "already_done" not in enabled
    assert (await oem.done(DISABLED, "start", "start-2"))["status"] == "success"
    assert await oem.actuated(DISABLED) == ["enable_ignition", "start"]


async def test_latency_delays_the_act_and_the_ledger_names_its_moment(oem: Oem) -> None:
    await oem.control("latency", median=2)
    _, body = await oem.send(PARKED, "unlock_door")
    assert (await oem.operation(body["operation"]["url"]))["status"] == "in_progress"
    assert (await oem.values(PARKED))["doors_locked"] is True
    await oem.advance(120)
    (entry,) = await oem.ledger(PARKED)
    done = await oem.operation(body["operation"]["url"])
    assert done["completed_at"] == entry["at"] < (await oem.state(PARKED))["last_contact"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("vehicles/9KTN0SUCH00000001/commands/start", b'{"client_ref":"a"}', 404, "vehicle_not_found"),
        ("vehicles/9KTFLEET000000201/commands/start", b'{"client_ref":"a"}', 404, "vehicle_not_found"),
        ("vehicles/9KTRLYPRK00000026/commands/start", b'{"client_ref":"a"}', 404, "vehicle_not_found"),
        ("vehicles/9KTPARKED00000001/commands/explode", b'{"client_ref":"a"}', 404, "command_not_found"),
        ("vehicles/9KTPARKED00000001/commands/start", b"{", 400, "invalid_request"),
        ("vehicles/9KTPARKED00000001/commands/start", b"{}", 400, "invalid_request"),
        ("vehicles/9KTPARKED00000001/commands/start", b'{"client_ref":""}', 400, "invalid_request"),
    ],
)
async def test_a_wrong_call_is_refused_and_does_nothing(
    oem: Oem, path: str, body: bytes, status: int, code: str
) -> None:
    answer, problem = await oem.call("POST", f"{oem.base_url}/{path}", data=body)
    assert (answer, problem["error"]["code"]) == (status, code)
    assert await oem.ledger() == []


async def test_an_unknown_operation_is_not_found_and_an_unknown_ref_finds_none(oem: Oem) -> None:
    status, body = await oem.call("GET", f"{oem.base_url}/operations/none")
    assert (status, body["error"]["code"]) == (404, "operation_not_found")
    assert await oem.look_up("never-sent") == []
    status, body = await oem.call("GET", f"{oem.base_url}/operations")
    assert (status, body["error"]["code"]) == (400, "invalid_request")


async def test_unknown_paths_and_methods_answer_json(oem: Oem) -> None:
    assert (await oem.call("GET", f"{oem.base_url}/nothing"))[1]["error"]["code"] == "not_found"
    assert (await oem.call("PUT", f"{oem.base_url}/ledger"))[1]["error"]["code"] == "method_not_allowed"
