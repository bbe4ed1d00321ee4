"""X-Reason and X-Case: words in any language, percent-encoded, kept where a court may read them and nowhere else."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from keyturn.printable import BIDI_CONTROLS
from tests.startup.installation import ORDINARY, install
from tests.startup.process import serving
from tests.support.clients import Answer
from tests.support.refusals import KEY_REUSED, SIGNATURE_INVALID, refused
from tests.support.server_env import ServerEnv, server_env
from tests.support.store_reader import StoreReader

pytestmark = pytest.mark.anyio

PARKED, RENTED = "9KTPARKED00000001", "9KTRENTED00000022"
VIN = f"{ORDINARY}000000001"
REASON_INVALID = (400, "X-Reason must be percent-encoded UTF-8 of at most 500 characters.")
CASE_INVALID = (400, "X-Case must be percent-encoded UTF-8 of at most 500 characters.")
REASON_REQUIRED = (403, "Command blocked by policy: reason required.")
PORTUGUESE = "Suspicion of theft or robbery; veículo não devolvido, cliente inadimplente há 90 dias (São Paulo)"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path_factory.mktemp("words")) as s:
        yield s


async def said(s: ServerEnv, vin: str, **headers: str) -> dict[str, object]:
    """The row of a command that was sent with these headers."""
    answer = await s.first.post(vin, "location", **headers)
    assert answer.code == 200, answer
    await s.first.final(answer.body["id"])  # else the next one joins it
    return s.store.command(answer.body["id"])


@pytest.mark.parametrize(
    "words",
    [PORTUGUESE, "a", "ã" * 500, "€" * 500, "\N{POLICE CAR}" * 500, '100%; \'a "b" \\ c', "مفقود", "a, b"],
    ids=["portuguese", "one", "two octets", "three octets", "four octets", "signs", "arabic", "comma"],
)
async def test_words_arrive_as_they_were_said(running: ServerEnv, words: str) -> None:
    row = await said(running, PARKED, **{"X-Reason": quote(words, safe=""), "X-Case": quote(words[:100])})
    assert (row["reason"], row["case_number"]) == (words, words[:100].strip())


async def test_plain_ascii_needs_no_escapes_and_blanks_around_it_do_not_count(running: ServerEnv) -> None:
    row = await said(running, PARKED, **{"X-Reason": "missing; since noon", "X-Case": "%20BO 12/3%20"})
    assert (row["reason"], row["case_number"]) == ("missing; since noon", "BO 12/3")


@pytest.mark.parametrize("nothing", ["", " ", "%20%20"])
async def test_saying_nothing_is_as_good_as_no_header(running: ServerEnv, nothing: str) -> None:
    row = await said(running, PARKED, **{"X-Reason": nothing, "X-Case": nothing})
    assert (row["reason"], row["case_number"]) == (None, None)


BAD = {
    "too long": quote("ã" * 501),
    "too long in ascii": "a" * 501,
    "half an escape": "missing%",
    "a short escape": "missing%2",
    "no hexadecimal": "missing%ZZ",
    "no UTF-8": "%E3%28",
    "Latin-1": "n%E3o",
    "overlong": "%C0%AF",
    "surrogate": "%ED%A0%80",
    "NUL": "a%00b",
    "line feed": "missing%0AX-Other: 1",
    "carriage return": "a%0Db",
    "tab": "a%09b",
    "escape": "a%1B%5B2Jb",
    "delete": "a%7Fb",
    "C1": "a%C2%85b",
    "line separator": "a%E2%80%A8b",
    **{f"bidi {ord(sign):x}": f"a{quote(sign)}b" for sign in sorted(BIDI_CONTROLS)},
}


@pytest.mark.parametrize("sent", BAD.values(), ids=BAD)
async def test_what_cannot_be_words_is_refused_and_nothing_is_registered(running: ServerEnv, sent: str) -> None:
    before = len(running.store.commands_of(RENTED))
    assert refused(await running.first.post(RENTED, "location", **{"X-Reason": sent})) == REASON_INVALID
    assert refused(await running.first.post(RENTED, "location", **{"X-Case": sent})) == CASE_INVALID
    assert len(running.store.commands_of(RENTED)) == before


async def test_words_that_were_not_encoded_are_refused(running: ServerEnv) -> None:
    """Octets beyond ASCII in the header field itself."""
    answer = await running.first.post(RENTED, "location", **{"X-Reason": "não"})
    assert refused(answer) == REASON_INVALID


async def test_the_signature_is_judged_before_the_words(running: ServerEnv) -> None:
    headers = {"X-Signature": "0" * 64, "X-Reason": "%"}
    assert refused(await running.first.post(RENTED, "location", **headers)) == SIGNATURE_INVALID


async def test_the_words_are_part_of_what_a_key_stands_for(running: ServerEnv) -> None:
    async def ask(**words: str) -> Answer:
        return await running.first.post(PARKED, "location", **{"Idempotency-Key": "words", **words})

    first = await ask(**{"X-Reason": "missing", "X-Case": "1"})
    assert (await ask(**{"X-Reason": "missing", "X-Case": "1"})).body == first.body
    for other in ({"X-Reason": "missing", "X-Case": "2"}, {"X-Reason": "gone", "X-Case": "1"}, {"X-Reason": "missing"}):
        assert refused(await ask(**other)) == KEY_REUSED


async def test_the_reason_is_asked_for_by_the_call_that_queues_alone(tmp_path: Path) -> None:
    """And a call without one does not burn the code."""
    async with server_env(tmp_path) as s:
        await s.node.administer("policy set", {"company": "first", "reason_required": True})
        first = await s.first.post(PARKED, "disable_ignition")
        assert first.body["status"] == "Confirmation"
        code = first.body["code"]
        for headers in ({}, {"X-Reason": "because"}, {"X-Case": "12"}):
            assert refused(await s.first.post(PARKED, "disable_ignition", code, **headers)) == REASON_REQUIRED
        queued = await s.first.post(PARKED, "disable_ignition", code, **{"X-Reason": quote(PORTUGUESE)})
        assert (queued.code, queued.body["status"]) == (200, "Pending")
        assert (await s.first.final(queued.body["id"]))["status"] == "Success"

        enabled = await s.first.confirmed(PARKED, "enable_ignition")
        assert (enabled.code, enabled.body["status"]) == (200, "Pending")


async def test_words_of_the_first_step_stand_until_the_second_says_others(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await s.node.administer("policy set", {"company": "first", "reason_required": True})
        headers = {"X-Reason": "missing", "X-Case": "1"}
        code = (await s.first.post(PARKED, "disable_ignition", **headers)).body["code"]
        command_id = (await s.first.post(PARKED, "disable_ignition", code, **{"X-Case": "2"})).body["id"]
        shown = await s.node.administer("command show", {"command": command_id})
        assert (shown["reason"], shown["case_number"]) == ("missing", "2")
        queued = next(each for each in shown["timeline"] if each["kind"] == "command.Queued")
        assert (queued["reason"], queued["case"]) == ("missing", "2")


async def test_words_are_in_the_audit_log_and_in_no_log_line(tmp_path: Path) -> None:
    """Of a real server that logs all that it can."""
    reason, case = "palavra-que-ninguem-registra", "caso-secreto"
    async with server_env(tmp_path / "oem") as oem:
        installed = await install(tmp_path, oem.oem_url)
        with installed.config.open("a") as config:
            config.write('\n[log]\nlevel = "debug"\n')
        async with serving(installed.config) as server:
            client = await installed.logged_in(0, server.url, oem.http)
            headers = {"X-Reason": f"missing; {reason}", "X-Case": case}
            answer = await client.confirmed(VIN, "disable_ignition", **headers)
            assert answer.code == 200, answer
            await client.final(answer.body["id"])
            assert refused(await client.post(VIN, "start", **{"X-Reason": f"{reason}%"})) == REASON_INVALID
            (body,) = (each["body"] for each in StoreReader(installed.data).entries("command.Queued"))
        log = installed.config.with_suffix(".log").read_text()
    assert (body["reason"], body["case"]) == (headers["X-Reason"], case)
    assert "debug" in log
    assert reason not in log
    assert case not in log
