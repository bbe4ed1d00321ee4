"""`GET /vehicle-command/{id}`: every text that an `Error` can have, and the ends of a confirmation."""

from pathlib import Path

import pytest

from keyturn.config.settings import CommandSettings, EngineSettings
from tests.e2e.scripted import VIN, scripted
from tests.support.oem import DROP, answer
from tests.support.refusals import CODE_INVALID, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED = "9KTPARKED00000001"
NEVER_WAITS = CommandSettings(initiate_wait=0)
UNKNOWN = "Outcome unknown. The vehicle may have executed the command."
IGNITION = ["disable_ignition", "enable_ignition"]


async def error(s: ServerEnv, command_id: str) -> object:
    """The text of a record that must come to show `Error`."""
    record = await s.first.final(command_id)
    assert record["status"] == "Error"
    return record["detail"]


@pytest.mark.parametrize("command", IGNITION)
async def test_a_code_lives_five_minutes(tmp_path: Path, command: str) -> None:
    async with server_env(tmp_path) as s:
        first = (await s.first.post(PARKED, command)).body
        s.advance(290)
        assert (await s.first.get(first["id"])).body["status"] == "Confirmation"
        s.advance(11)
        assert await error(s, first["id"]) == "Confirmation expired"
        assert refused(await s.first.post(PARKED, command, first["code"])) == CODE_INVALID
        assert await error(s, first["id"]) == "Confirmation expired"


async def test_a_code_ends_with_its_life_and_not_with_the_sweep_after_it(tmp_path: Path) -> None:
    async with server_env(tmp_path, engine=EngineSettings(sweep_interval=3600.0)) as s:
        code = (await s.first.post(PARKED, "disable_ignition")).body["code"]
        s.advance(301)
        assert refused(await s.first.post(PARKED, "disable_ignition", code)) == CODE_INVALID


async def test_a_code_is_good_until_its_life_is_over(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        code = (await s.first.post(PARKED, "disable_ignition")).body["code"]
        s.advance(290)
        assert (await s.first.post(PARKED, "disable_ignition", code)).body["status"] == "Pending"


@pytest.mark.parametrize("command", IGNITION)
async def test_a_new_code_makes_the_one_before_it_invalid(shared: ServerEnv, vin: str, command: str) -> None:
    first = (await shared.first.post(vin, command)).body
    second = (await shared.first.post(vin, command)).body
    while second["code"] == first["code"]:
        second = (await shared.first.post(vin, command)).body
    assert await error(shared, first["id"]) == "Confirmation invalid"
    assert refused(await shared.first.post(vin, command, first["code"])) == CODE_INVALID
    assert (await shared.first.get(second["id"])).body["status"] == "Confirmation"


@pytest.mark.parametrize("command", IGNITION)
async def test_five_wrong_tries_kill_a_code(shared: ServerEnv, vin: str, command: str) -> None:
    """What is not six digits is no try."""
    first = (await shared.first.post(vin, command)).body
    wrong = f"{(int(first['code']) + 1) % 1_000_000:06d}"
    for offered in (wrong, "12345", wrong, "", wrong, "abcdef", wrong):
        assert refused(await shared.first.post(vin, command, offered)) == CODE_INVALID
    assert (await shared.first.get(first["id"])).body["status"] == "Confirmation"
    assert refused(await shared.first.post(vin, command, wrong)) == CODE_INVALID
    assert await error(shared, first["id"]) == "Confirmation invalid"
    assert refused(await shared.first.post(vin, command, first["code"])) == CODE_INVALID


async def test_four_wrong_tries_do_not_kill_a_code(shared: ServerEnv, vin: str) -> None:
    first = (await shared.first.post(vin, "disable_ignition")).body
    for number in range(1, 5):
        wrong = f"{(int(first['code']) + number) % 1_000_000:06d}"
        assert refused(await shared.first.post(vin, "disable_ignition", wrong)) == CODE_INVALID
    assert (await shared.first.post(vin, "disable_ignition", first["code"])).body["id"] == first["id"]


async def test_superseded_command_is_an_error(tmp_path: Path) -> None:
    """It stands whatever becomes of the command that restores."""
    async with server_env(tmp_path, commands=NEVER_WAITS) as s:
        await s.hold(PARKED)
        await s.first.post(PARKED, "alert")
        disabling = (await s.first.confirmed(PARKED, "disable_ignition")).body["id"]
        enabling = (await s.first.confirmed(PARKED, "enable_ignition")).body["id"]
        assert await error(s, disabling) == f"Superseded by command {enabling}."
        await s.let_go(PARKED)
        assert await error(s, enabling) == (
            "Precondition not met: The ignition must have been disabled by remote command."
        )
        assert await error(s, disabling) == f"Superseded by command {enabling}."
        assert await s.actuations(PARKED) == ["alert"]


async def test_joined_confirmation_names_the_command_that_it_joined(shared: ServerEnv, vin: str) -> None:
    """Two applications hold a code each for the same; the second to redeem hears the first one's record."""
    colleague = await shared.application("first", "colleague")
    own, theirs = [(await each.post(vin, "disable_ignition")).body for each in (shared.first, colleague)]
    await shared.hold(vin)
    redeemed = (await shared.first.post(vin, "disable_ignition", own["code"])).body
    joining = await colleague.post(vin, "disable_ignition", theirs["code"])
    assert (joining.code, joining.body) == (200, redeemed)
    assert await error(shared, theirs["id"]) == f"Joined command {own['id']}."
    await shared.let_go(vin)
    assert (await shared.first.final(own["id"]))["status"] == "Success"
    assert await shared.actuations(vin) == ["disable_ignition"]


async def test_command_not_sent_in_time_is_an_error(tmp_path: Path) -> None:
    async with server_env(tmp_path, commands=NEVER_WAITS) as s:
        await s.held(PARKED, "alert")
        queued = (await s.first.post(PARKED, "lock_door")).body["id"]
        s.advance(59)
        assert (await s.first.get(queued)).body["status"] == "Pending"
        s.advance(2)
        assert await error(s, queued) == "Not sent in time."
        await s.let_go(PARKED)
        assert await s.actuations(PARKED) == ["alert"]


async def test_what_is_late_is_not_sent_although_nobody_swept_it(tmp_path: Path) -> None:
    """Its turn comes after its send deadline, and that is judged in that moment."""
    async with server_env(tmp_path, commands=NEVER_WAITS, engine=EngineSettings(sweep_interval=3600.0)) as s:
        await s.held(PARKED, "alert")
        queued = (await s.first.post(PARKED, "lock_door")).body["id"]
        s.advance(61)
        await s.let_go(PARKED)
        assert await error(s, queued) == "Not sent in time."
        assert await s.actuations(PARKED) == ["alert"]


async def test_record_without_an_answer_until_the_deadline_is_an_error(tmp_path: Path) -> None:
    """Five minutes, ten for the ignition pair; a vehicle for each command, all at once."""
    no_answer = "No answer from the vehicle."
    texts = {"location": no_answer, "diagnostics": no_answer, "lock_door": UNKNOWN, "start": UNKNOWN, "alert": UNKNOWN}
    async with server_env(tmp_path, vehicles=6) as s:
        vins = dict(zip([*texts, "disable_ignition"], (f"9KTFLEET{n:09d}" for n in range(1, 7)), strict=True))
        for vin in vins.values():
            await s.hold(vin)
        sent = {command: (await s.first.send(vin, command)).body["id"] for command, vin in vins.items()}
        s.advance(290)
        assert [(await s.first.get(sent[command])).body["status"] for command in texts] == ["Pending"] * 5
        s.advance(11)
        assert {command: await error(s, sent[command]) for command in texts} == texts
        s.advance(289)
        assert (await s.first.get(sent["disable_ignition"], wait=1)).body["status"] == "Pending"
        s.advance(11)
        assert await error(s, sent["disable_ignition"]) == UNKNOWN


async def test_a_connection_lost_for_good_is_an_unknown_outcome(tmp_path: Path) -> None:
    """Nothing can be asked, nothing is found: `Error` at the answer deadline, and it is never sent again."""
    async with scripted(tmp_path, DROP) as (s, oem):
        command_id = (await s.first.post(VIN, "start")).body["id"]
        s.advance(301)
        assert await error(s, command_id) == UNKNOWN
        assert len([seen for seen in oem.seen if seen.method == "POST"]) == 1


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("immobilised", "The vehicle is immobilised."),
        ("cancelled", "Cancelled at the OEM before the vehicle got it."),
        ("<script>", "The vehicle reported a failure."),
        ("hood_open", "Precondition not met: The hood must be closed."),
    ],
)
async def test_a_failure_by_the_vehicle_has_the_connectors_text(tmp_path: Path, code: str, text: str) -> None:
    """What the OEM wrote reaches nobody."""
    failure = {"status": "failure", "error": {"code": code, "message": "SECRET"}}
    async with scripted(tmp_path, answer(202, {"operation": {"id": "7"}})) as (s, oem):
        before = oem.script
        oem.script = lambda seen: (
            answer(200, {"operation": {"id": "7", **failure}}) if "/operations/7" in seen.target else before(seen)
        )
        command_id = (await s.first.post(VIN, "alert")).body["id"]
        assert await error(s, command_id) == text


async def test_evidence_that_turned_while_the_command_waited(tmp_path: Path) -> None:
    """Met when it was accepted, contradicted when its turn came."""
    async with server_env(tmp_path, commands=NEVER_WAITS) as s:
        await s.hold(PARKED)
        await s.first.post(PARKED, "lock_door")
        queued = (await s.first.post(PARKED, "start")).body["id"]
        await s.set_vehicle(PARKED, signals={"hood_status": "open"})
        await s.first.post(PARKED, "disable_ignition")
        await s.eventually(lambda: s.store.known(PARKED, "hood_status") == "open")
        await s.let_go(PARKED)
        assert await error(s, queued) == "Precondition not met: The hood must be closed."
        assert await s.actuations(PARKED) == ["lock_door"]
