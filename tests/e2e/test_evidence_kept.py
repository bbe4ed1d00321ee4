"""Why a command was sent or refused: verdicts and audit entries, as they are kept."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Answer
from tests.support.refusals import CODE_INVALID, CODE_USED, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, MOVING, LATE, OEM_500, RELAY = (
    "9KTPARKED00000001", "9KTM0V1NG00000002", "9KTLATE0000000012", "9KT0EM50000000013", "9KTRLYPRK00000026",
)  # fmt: skip


def verdicts(s: ServerEnv, answer: Answer) -> dict[int, dict[str, Any]]:
    """The findings kept with the command of this answer, by their number."""
    return {finding["number"]: finding for finding in s.store.command(answer.body["id"])["verdicts"]}


async def test_a_sent_command_keeps_every_verdict_with_value_and_age(shared: ServerEnv, vin: str) -> None:
    answer = await shared.first.post(vin, "start")
    kept = verdicts(shared, answer)
    assert {number: finding["verdict"] for number, finding in kept.items()} == dict.fromkeys(
        (1, 3, 5, 6, 7, 8, 9, 10, 11), "met"
    )
    assert kept[5]["signals"]["hood_status"]["value"] == "closed"
    assert kept[7]["signals"]["lv_battery_voltage"]["value"] == 12.6
    assert set(kept[3]["signals"]) == {"system_power_mode", "ignition_status", "speed", "vehicle_move_status"}
    for finding in kept.values():
        assert all(0 <= sight["age"] < 120 and sight["source"] for sight in finding["signals"].values())


async def test_the_age_is_that_of_the_value_when_it_was_judged(tmp_path: Path) -> None:
    """Read once, and judged by the same reading a minute and a half later."""
    async with server_env(tmp_path) as s:
        await s.has_state((await s.done(PARKED, "lock_door"))["id"], "Verified")
        s.advance(90)
        kept = verdicts(s, await s.first.post(PARKED, "unlock_door"))
        assert 90 <= kept[1]["signals"]["speed"]["age"] < 120


async def test_stale_evidence_is_read_again_before_sending(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await s.has_state((await s.done(PARKED, "lock_door"))["id"], "Verified")
        s.advance(121)
        kept = verdicts(s, await s.first.post(PARKED, "unlock_door"))
        assert kept[1]["verdict"] == "met"
        assert kept[1]["signals"]["speed"]["age"] < 90


async def test_a_refused_command_keeps_what_refused_it(shared: ServerEnv) -> None:
    """By the read before sending, and at acceptance."""
    for _ in range(2):
        kept = verdicts(shared, await shared.first.post(MOVING, "start"))
        contradicted = [number for number, finding in kept.items() if finding["verdict"] == "contradicted"]
        assert contradicted == [1, 3, 9]
        assert kept[1]["signals"]["speed"]["value"] == 60.0


async def test_an_unmet_reachability_of_an_enable_is_recorded(shared: ServerEnv, vin: str) -> None:
    await shared.done(vin, "disable_ignition")
    await shared.set_vehicle(vin, reachable=False)
    answer = await shared.first.confirmed(vin, "enable_ignition")
    await shared.has_state(answer.body["id"], "Accepted")
    kept = verdicts(shared, answer)
    assert kept[13]["verdict"] in ("contradicted", "unknown")
    assert kept[13]["signals"]["reachable"]["value"] is False


async def test_an_immobilisation_that_nobody_else_guards_rests_on_a_fresh_reading(shared: ServerEnv) -> None:
    """Behind the relay: seen within the last seconds, although the first step had it read."""
    first = (await shared.first.post(RELAY, "disable_ignition")).body
    await shared.eventually(lambda: shared.store.known(RELAY, "transmission_gear") == "park")
    shared.advance(20)
    answer = await shared.first.post(RELAY, "disable_ignition", first["code"])
    kept = verdicts(shared, answer)[3]
    assert (answer.code, kept["verdict"]) == (200, "met")
    assert kept["signals"]["transmission_gear"]["value"] == "park"
    assert all(kept["signals"][name]["age"] <= 15 for name in ("speed", "system_power_mode", "transmission_gear"))


STORIES: list[tuple[str, str, list[str | float]]] = [
    (PARKED, "lock_door", ["registered", "Dispatching", "Accepted", "Executed", "Verified"]),
    (PARKED, "alert", ["registered", "Dispatching", "Accepted", "Executed"]),
    (PARKED, "disable_ignition", ["registered", "Queued", "Dispatching", "Accepted", "Executed", "Verified"]),
    (MOVING, "start", ["registered", "Refused"]),
    (OEM_500, "start", ["registered", "Dispatching", "Failed"]),
    (LATE, "alert", ["registered", "Dispatching", "Accepted", 11.0, "Unknown", "revealed", 10.0, "Executed"]),
    ("9KTDR0P0000000016", "alert", ["registered", "Dispatching", "Unknown", "Executed"]),
    ("9KTN0URL000000014", "alert", ["registered", "Dispatching", "Unknown", "revealed"]),
]
"""What becomes of a command, and the seconds that pass in between."""


@pytest.mark.parametrize(("vin", "command", "story"), STORIES, ids=[f"{vin}-{command}" for vin, command, _ in STORIES])
async def test_every_transition_is_in_the_audit_log(
    tmp_path: Path, vin: str, command: str, story: list[str | float]
) -> None:
    async with server_env(tmp_path) as s:
        command_id = (await s.first.send(vin, command)).body["id"]
        expected: list[str] = []

        def told() -> list[str]:
            return [kind for kind in s.store.timeline(command_id) if kind != "found"]

        for step in story:
            if isinstance(step, float):
                s.advance(step)
            else:
                expected.append(step)
                await s.eventually(lambda: len(told()) >= len(expected))
        assert told() == expected


async def test_a_redeemed_and_refused_command_burns_its_code_and_says_so(shared: ServerEnv) -> None:
    await shared.first.post(MOVING, "start")
    code = (await shared.first.post(MOVING, "disable_ignition")).body["code"]
    answer = await shared.first.post(MOVING, "disable_ignition", code)
    assert answer.code == 409
    assert shared.store.timeline(answer.body["id"]) == ["registered", "Refused"]
    assert refused(await shared.first.post(MOVING, "disable_ignition", code)) == CODE_USED


async def test_an_entry_says_who_when_and_from_where(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.done(vin, "alert"))["id"]
    row = shared.store.command(command_id)
    (executed,) = [entry for entry in shared.store.entries("command.Executed") if entry["command_id"] == command_id]
    (registered,) = [entry for entry in shared.store.entries("command.registered") if entry["command_id"] == command_id]
    assert (executed["company_id"], executed["vehicle_id"]) == (row["company_id"], row["vehicle_id"])
    assert (executed["actor"], executed["body"]["from"]) == ("engine", "Accepted")
    assert (registered["actor"], registered["at"]) == (row["actor"], row["created_at"])
    exchange = executed["body"]["exchange"]
    assert exchange["request"].startswith("GET /operations/")
    assert exchange["status"] == 200


async def test_no_secret_is_in_the_database(tmp_path: Path) -> None:
    """Neither codes nor tokens nor secrets in clear."""
    async with server_env(tmp_path) as s:
        first = (await s.first.post(PARKED, "disable_ignition")).body
        await s.first.post(PARKED, "disable_ignition", first["code"])
        await s.first.final(first["id"])
        dump = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("keyturn.db*"))
        for secret in (s.first.client_secret, s.first.sign_secret, s.first.token, "sim-oem-token"):
            assert secret.encode() not in dump
        bodies = "".join(row["body"] for row in s.store.rows("SELECT body FROM entry"))
        assert f'"{first["code"]}"' not in bodies


async def test_every_refused_ignition_attempt_is_in_the_audit_log(tmp_path: Path) -> None:
    """Whatever row refused it, with what it said; other commands leave none."""
    async with server_env(tmp_path) as s:
        code = (await s.first.post(PARKED, "disable_ignition")).body["code"]
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        refusals = [
            await s.first.post("9KT0THER000000025", "disable_ignition"),
            await s.first.post("9KTN0PLAN00000024", "enable_ignition"),
            await s.first.post("9KTNCNSNT00000029", "disable_ignition"),
            await s.first.post(PARKED, "disable_ignition", wrong),
            await s.first.post(PARKED, "disable_ignition", "junk"),
            await s.first.post(PARKED, "disable_ignition", **{"X-Signature": "0" * 64}),
        ]
        await s.first.post(PARKED, "disable_ignition", code)
        refusals.append(await s.first.post(PARKED, "disable_ignition", code))
        await s.first.post("UNKNOWN", "start")
        entries = s.store.entries("ignition.refused")
        assert [(entry["body"]["http_status"], entry["body"]["detail"]) for entry in entries] == [
            refused(refusal) for refusal in refusals
        ]
        assert {entry["actor"] for entry in entries} == {s.store.commands_of(PARKED)[0]["actor"]}
        assert refused(refusals[3]) == CODE_INVALID
        assert refused(refusals[-1]) == CODE_USED
        assert wrong not in "".join(str(entry["body"]) for entry in entries)
