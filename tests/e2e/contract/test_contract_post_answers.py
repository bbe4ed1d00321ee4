"""What `POST /vehicle-command` answers when all is well: shapes, times, VINs, and the contract's own examples."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from keyturn.tenants import application_secrets
from tests.support.clients import Application
from tests.support.refusals import SIGNATURE_INVALID, VIN_UNKNOWN, refused
from tests.support.server_env import ServerEnv

pytestmark = pytest.mark.anyio

CONFIRMATION = ["id", "vin", "command", "status", "code", "message"]
PENDING = ["id", "vin", "command", "status", "created"]
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SEED_ZONE = timezone(timedelta(hours=-3))

SEED_SECRET = "YOUR_SIGN_SECRET_PROVIDED_BY_MOBWAY"
SEED_VIN = "6AHFT68CKAF501652"
VECTORS = [
    (SEED_VIN, "diagnostics", "4077e5ef4f457df8905be26389d8a29bcba490bae29f232ca1706160cdc8b406"),
    (SEED_VIN, "disable_ignition", "321c9fce42e2888e049ccc5b3063a3a923c756ecdb8e991d04a04afdd6c07d29"),
    ("VÍN-ã", "start", "feb79778ba410b41d1995930ee462c73183f64c8b3a0b19bcb67eadcd1b5306b"),
]


def seconds_of(server: ServerEnv) -> datetime:
    """The node's time as the contract shows it."""
    return datetime.fromtimestamp(server.clock.now() // 1_000_000, SEED_ZONE).replace(tzinfo=None)


@pytest.mark.parametrize("command", ["location", "diagnostics", "lock_door", "unlock_door", "alert", "start"])
async def test_a_registered_command_is_pending(shared: ServerEnv, vin: str, command: str) -> None:
    """However fast the OEM was: POST never says Success."""
    before = seconds_of(shared)
    answer = await shared.first.post(vin, command)
    assert (answer.code, list(answer.body)) == (200, PENDING)
    assert UUID7.fullmatch(answer.body["id"])
    assert [answer.body[key] for key in ("vin", "command", "status")] == [vin, command, "Pending"]
    assert before <= datetime.strptime(answer.body["created"], "%Y-%m-%d %H:%M:%S") <= seconds_of(shared)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("command", ["disable_ignition", "enable_ignition"])
async def test_the_first_step_of_the_ignition_pair_is_a_confirmation(shared: ServerEnv, vin: str, command: str) -> None:
    """Absent and null are the same, and nothing is sent."""
    for code in ("", ', "code": null'):
        body = f'{{"vin": "{vin}", "command": "{command}"{code}}}'.encode()
        sent = {"Authorization": f"Bearer {shared.first.token}", "X-Signature": shared.first.signature(vin, command)}
        answer = await shared.first.send_raw(body, sent)
        assert (answer.code, list(answer.body)) == (200, CONFIRMATION)
        assert [answer.body[key] for key in ("vin", "command", "status")] == [vin, command, "Confirmation"]
        assert UUID7.fullmatch(answer.body["id"])
        assert re.fullmatch("[0-9]{6}", answer.body["code"])
        assert vin in answer.body["message"]
    assert await shared.actuations(vin) == []
    assert {row["state"] for row in shared.store.commands_of(vin)} == {"Confirming", "Cancelled"}


async def test_the_message_says_the_consequence_in_portuguese(shared: ServerEnv, vin: str) -> None:
    disabling = (await shared.first.post(vin, "disable_ignition")).body["message"]
    enabling = (await shared.first.post(vin, "enable_ignition")).body["message"]
    assert "DESABILITAR a ignição" in disabling
    assert "não poderá ser ligado novamente" in disabling
    assert "HABILITAR a ignição" in enabling
    assert "poderá ser ligado novamente" in enabling


async def test_the_message_of_an_enable_names_a_vehicle_that_cannot_be_reached(shared: ServerEnv, vin: str) -> None:
    """The first call reads the vehicle in the background; the alert says what is known by then."""

    async def says_unreachable(command: str = "enable_ignition") -> bool:
        message: str = (await shared.first.post(vin, command)).body["message"]
        return "não está acessível" in message

    async def says_nothing() -> bool:
        return not await says_unreachable()

    await shared.eventually(says_nothing)
    await shared.set_vehicle(vin, reachable=False)
    await shared.eventually(says_unreachable)
    assert not await says_unreachable("disable_ignition")


async def test_a_confirmed_command_keeps_its_id_and_is_created_when_its_code_was_redeemed(
    shared: ServerEnv, vin: str
) -> None:
    first = await shared.first.post(vin, "disable_ignition")
    shared.advance(100)
    before = seconds_of(shared)
    second = await shared.first.post(vin, "disable_ignition", first.body["code"])
    assert (second.code, list(second.body)) == (200, PENDING)
    assert (second.body["id"], second.body["status"]) == (first.body["id"], "Pending")
    assert datetime.strptime(second.body["created"], "%Y-%m-%d %H:%M:%S") >= before


@pytest.mark.parametrize("code", ["123456", 7, "", [], True])
async def test_code_is_ignored_on_any_other_command(shared: ServerEnv, vin: str, code: object) -> None:
    for command in ("location", "start"):
        answer = await shared.first.post(vin, command, code)
        assert (answer.code, answer.body["status"]) == (200, "Pending")


async def test_a_vin_is_found_in_either_case_and_shown_as_registered(shared: ServerEnv, vin: str) -> None:
    for written in (vin.lower(), vin.title(), vin):
        answer = await shared.first.post(written, "location")
        assert (answer.code, answer.body["vin"]) == (200, vin)
        assert (await shared.first.get(answer.body["id"])).body["vin"] == vin


async def test_only_ascii_letters_are_upper_cased(shared: ServerEnv) -> None:
    await shared.own_car("AÇÃO-ß")
    assert (await shared.first.post("aÇÃo-ß", "location")).body["vin"] == "AÇÃO-ß"
    for written in ("ação-ß", "AÇÃO-SS", "ACAO-ß", "AÇÃO-ß "):
        assert refused(await shared.first.post(written, "location")) == VIN_UNKNOWN


async def test_the_signature_is_over_the_values_as_received(shared: ServerEnv, vin: str) -> None:
    upper = {"X-Signature": shared.first.signature(vin, "location")}
    assert refused(await shared.first.post(vin.lower(), "location", **upper)) == SIGNATURE_INVALID
    shouted = {"X-Signature": shared.first.signature(vin, "location").upper()}
    assert (await shared.first.post(vin, "location", **shouted)).code == 200


@pytest.fixture(scope="module")
async def of_the_seeds(shared: ServerEnv) -> Application:
    """An application whose second sign-secret is the contract's, and the vehicles of the contract's vectors."""
    for registered in sorted({registered for registered, _, _ in VECTORS}):
        await shared.own_car(registered)
    application = await shared.application("first", "seeds")
    with pytest.MonkeyPatch.context() as randomness:
        randomness.setattr(application_secrets, "new_secret", lambda: SEED_SECRET)
        await shared.node.administer("application rotate-secret", {"application": "seeds", "sign": True})
    return application


@pytest.mark.parametrize(("registered", "command", "signature"), VECTORS, ids=[command for _, command, _ in VECTORS])
async def test_the_signing_vectors(
    shared: ServerEnv, of_the_seeds: Application, registered: str, command: str, signature: str
) -> None:
    answer = await of_the_seeds.post(registered, command, **{"X-Signature": signature})
    assert (answer.code, answer.body["vin"]) == (200, registered)
    wrong = signature.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    assert refused(await of_the_seeds.post(registered, command, **{"X-Signature": wrong})) == SIGNATURE_INVALID


async def test_the_seeds_curl_examples_work_as_they_stand(shared: ServerEnv, of_the_seeds: Application) -> None:
    """Their bodies, indentation included; `code` is not part of the signature."""

    async def curl(command: str, body: str) -> dict[str, str]:
        signature = next(signature for vin, name, signature in VECTORS if (vin, name) == (SEED_VIN, command))
        headers = {"Authorization": f"Bearer {of_the_seeds.token}", "X-Signature": signature}
        answer = await of_the_seeds.send_raw(body.encode(), {**headers, "Content-Type": "application/json"})
        assert answer.code == 200
        return {**answer.body}

    plain = '{\n      "vin": "%s",\n      "command": "%s"\n  }'
    with_code = '{\n      "vin": "%s",\n      "command": "%s",\n      "code": "%s"\n  }'
    located = await curl("diagnostics", plain % (SEED_VIN, "diagnostics"))
    assert list(located) == PENDING
    first = await curl("disable_ignition", plain % (SEED_VIN, "disable_ignition"))
    assert list(first) == CONFIRMATION
    second = await curl("disable_ignition", with_code % (SEED_VIN, "disable_ignition", first["code"]))
    assert list(second) == PENDING
    assert second["id"] == first["id"]


async def test_what_is_not_signed_does_not_matter(shared: ServerEnv, vin: str) -> None:
    """Key order, spaces, escapes and unknown fields of the body."""
    sent = {"Authorization": f"Bearer {shared.first.token}", "X-Signature": shared.first.signature(vin, "location")}
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in vin)
    for body in (f'{{ "command":"location" ,\n"vin":"{vin}"}}', f'{{"vin":"{escaped}","command":"location","a":{{}}}}'):
        assert (await shared.first.send_raw(body.encode(), sent)).code == 200
    assert json.loads(f'"{escaped}"') == vin


async def test_the_route_answers_with_a_slash_too(shared: ServerEnv, vin: str) -> None:
    sent = {"Authorization": f"bearer {shared.first.token}", "X-Signature": shared.first.signature(vin, "location")}
    body = json.dumps({"vin": vin, "command": "location"})
    url = f"{shared.url}/vehicle-command/"
    async with shared.http.post(url, data=body, headers=sent, allow_redirects=False) as response:
        assert (response.status, list(await response.json())) == (200, PENDING)
