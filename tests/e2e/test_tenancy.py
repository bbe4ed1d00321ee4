"""Two companies on one installation: nothing of one can be read, inferred or acted on from the other."""

from pathlib import Path

import pytest

from tests.support.clients import Answer, Application
from tests.support.refusals import CODE_INVALID, COMMAND_UNKNOWN, VIN_UNKNOWN, refused
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, OTHER = "9KTPARKED00000001", "9KT0THER000000025"


def alike(one: Answer, another: Answer) -> bool:
    """Nothing but the request's own id tells them apart."""
    own = {"x-request-id", "date"}

    def said(answer: Answer) -> tuple[int, object, dict[str, str]]:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.code, answer.body, {name: value for name, value in headers.items() if name not in own}

    return said(one) == said(another)


@pytest.mark.parametrize("command", [*ALL_COMMANDS, "dance"])
async def test_another_companys_vehicle_is_as_unknown_as_any(shared: ServerEnv, command: str) -> None:
    for code in (None, "123456"):
        theirs = await shared.first.post(OTHER, command, code)
        assert refused(theirs) == VIN_UNKNOWN
        assert alike(theirs, await shared.first.post("9KTN0B0DY00000099", command, code))
    assert shared.store.commands_of(OTHER) == []


async def test_another_companys_record_is_as_unknown_as_any(shared: ServerEnv, vin: str) -> None:
    """Whatever became of it."""
    ids = [
        (await shared.first.post(vin, "disable_ignition")).body["id"],
        (await shared.first.post(vin, "start")).body["id"],
        (await shared.first.post("9KTM0V1NG00000002", "start")).body["id"],
    ]
    for command_id in ids:
        assert (await shared.first.get(command_id)).code == 200
        theirs = await shared.second.get(command_id)
        assert refused(theirs) == COMMAND_UNKNOWN
        assert alike(theirs, await shared.second.get(command_id[:-4] + "0000"))


async def test_a_code_is_good_only_for_who_asked_for_it(shared: ServerEnv, vin: str) -> None:
    """Neither for another company nor for another application of the same one."""
    colleague = await shared.application("first", "colleague")
    stranger = await shared.application("second", "stranger")
    code = (await shared.first.post(vin, "disable_ignition")).body["code"]
    assert refused(await colleague.post(vin, "disable_ignition", code)) == CODE_INVALID
    assert refused(await stranger.post(vin, "disable_ignition", code)) == VIN_UNKNOWN
    await shared.node.administer("vehicle set", {"vehicle": OTHER, "consent": "form 1"})
    own = (await stranger.post(OTHER, "disable_ignition")).body["code"]
    if own != code:
        assert refused(await stranger.post(OTHER, "disable_ignition", code)) == CODE_INVALID
    assert (await shared.first.post(vin, "disable_ignition", code)).body["status"] == "Pending"
    assert (await stranger.post(OTHER, "disable_ignition", own)).body["status"] == "Pending"


async def test_wrong_tries_of_others_do_not_kill_a_code(shared: ServerEnv, vin: str) -> None:
    colleague = await shared.application("first", "clumsy")
    stranger = await shared.application("second", "hostile")
    code = (await shared.first.post(vin, "disable_ignition")).body["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for application in (colleague, stranger):
        for _ in range(6):
            await application.post(vin, "disable_ignition", wrong)
    assert (await shared.first.post(vin, "disable_ignition", code)).body["status"] == "Pending"


async def test_a_key_of_another_company_says_nothing(shared: ServerEnv, vin: str) -> None:
    key = {"Idempotency-Key": "shared-word"}
    first = await shared.first.post(vin, "location", **key)
    assert refused(await shared.second.post(vin, "location", **key)) == VIN_UNKNOWN
    assert (await shared.second.post(OTHER, "location", **key)).body["id"] != first.body["id"]
    assert (await shared.first.post(vin, "location", **key)).body == first.body


async def test_a_command_in_flight_is_not_joined_from_outside(shared: ServerEnv, vin: str) -> None:
    await shared.hold(vin)
    await shared.first.post(vin, "start")
    assert refused(await shared.second.post(vin, "start")) == VIN_UNKNOWN


async def test_a_vehicle_that_changed_hands_takes_nothing_along(tmp_path: Path) -> None:
    """Records, codes and keys of the company before stay its own."""
    async with server_env(tmp_path) as s:
        code = (await s.first.post(PARKED, "enable_ignition")).body["code"]
        record = (await s.first.post(PARKED, "location", **{"Idempotency-Key": "k"})).body["id"]
        await s.node.administer("vehicle set", {"vehicle": PARKED, "active": False})
        row = {"company": "second", "account": "simulator", "plan": "all", "ownership": "owned"}
        await s.node.administer("vehicle add", {"vin": PARKED, **row})
        assert refused(await s.first.post(PARKED, "enable_ignition", code)) == VIN_UNKNOWN
        assert (await s.first.get(record)).code == 200
        assert refused(await s.second.get(record)) == COMMAND_UNKNOWN
        heir = await s.application("second", "heir")
        assert refused(await heir.post(PARKED, "enable_ignition", code)) == CODE_INVALID
        assert (await heir.post(PARKED, "location", **{"Idempotency-Key": "k"})).body["id"] != record


async def test_an_application_only_does_what_it_was_granted(shared: ServerEnv, vin: str) -> None:
    """By default everything but the ignition pair."""

    async def offered(application: Application, at: str) -> set[str]:
        answers = {command: await application.post(at, command) for command in ALL_COMMANDS}
        return {command for command, answer in answers.items() if answer.body.get("detail") != COMMAND_UNKNOWN[1]}

    plain = {command for command in ALL_COMMANDS if not command.endswith("_ignition")}
    assert await offered(shared.second, OTHER) == plain
    assert await offered(await shared.application("first", "reader", ["location"]), vin) == {"location"}
