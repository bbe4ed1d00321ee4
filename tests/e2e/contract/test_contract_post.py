"""The rows of `POST /vehicle-command`: each with its exact answer, and each before all that come after it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from keyturn.config.settings import LimitSettings
from tests.support.clients import Answer, Application
from tests.support.refusals import (
    BEARER_INVALID,
    BEARER_MISSING,
    CODE_INVALID,
    COMMAND_INVALID,
    COMMAND_UNKNOWN,
    NO_CONSENT,
    NO_SIGN_SECRET,
    NOT_JSON,
    SIGNATURE_INVALID,
    TOO_LARGE,
    TOO_MANY,
    VIN_INVALID,
    VIN_UNKNOWN,
    refused,
)
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

pytestmark = pytest.mark.anyio

UNSIGNED = "unsigned"
LIMIT = 16 * 1024
PARKED, RELAY, NO_PLAN, OTHER, THIRD = (
    "9KTPARKED00000001", "9KTRLYPRK00000026", "9KTN0PLAN00000024", "9KT0THER000000025", "9KTTH1RD000000023",
)  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """A request that can be wrong in every way of the table at once."""

    application: str = "first"
    bearer: str | None = None
    """The whole header; None: the application's own."""
    vin: object = PARKED
    command: object = "location"
    code: object = None
    signature: str | None = None
    duplicate: bool = False
    padding: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        sent = json.dumps({"vin": self.vin, "command": self.command, "code": self.code})
        doubled = f'{sent[:-1]}, "code": null}}' if self.duplicate else sent
        return doubled.encode() + b" " * self.padding

    async def by(self, application: Application) -> Answer:
        bearer = f"Bearer {application.token}" if self.bearer is None else self.bearer
        signature = application.signature(str(self.vin), str(self.command)) if self.signature is None else ""
        sent = {"Authorization": bearer, "X-Signature": self.signature or signature, **self.headers}
        return await application.send_raw(self.body(), {name: value for name, value in sent.items() if value})


DISABLE: dict[str, Any] = {"command": "disable_ignition", "code": "000000"}

ROWS: tuple[tuple[str, dict[str, Any], tuple[int, str]], ...] = (
    ("1", {"bearer": ""}, BEARER_MISSING),
    ("2", {"bearer": "Bearer nobody"}, BEARER_INVALID),
    ("3 size", {"padding": LIMIT}, TOO_LARGE),
    ("3 json", {"duplicate": True}, NOT_JSON),
    ("4", {"vin": 7}, VIN_INVALID),
    ("5", {"command": 7}, COMMAND_INVALID),
    ("6a", {"application": UNSIGNED}, NO_SIGN_SECRET),
    ("6b", {"signature": "0" * 64}, SIGNATURE_INVALID),
    ("8", {"vin": "THIRD-NOPLAN-NOCONSENT"}, VIN_UNKNOWN),
    ("9", {"vin": "NOPLAN-NOCONSENT"}, COMMAND_UNKNOWN),
    ("10", {"vin": "NOCONSENT"}, NO_CONSENT),
    ("11", DISABLE, CODE_INVALID),
)
WORSE_AND_WORSE: dict[str, dict[str, Any]] = {
    "THIRD-NOPLAN-NOCONSENT": {"ownership": "third_party", "plan": "location", "consent": None},
    "NOPLAN-NOCONSENT": {"plan": "location", "consent": None},
    "NOCONSENT": {"consent": None},
}


@pytest.fixture(scope="module")
async def applications(shared: ServerEnv) -> dict[str, Application]:
    """The first company's application, the second's, one without sign-secret and one that may only locate."""
    for registered, row in WORSE_AND_WORSE.items():
        await shared.vehicle(registered, **row)
    unsigned = await shared.application("first", UNSIGNED)
    locating = await shared.application("first", "locating", ["location"])
    drop = "DELETE FROM sign_secret WHERE application_id = (SELECT id FROM application WHERE name = 'unsigned')"
    await shared.node.store.write(lambda tx: tx.run(drop))
    return {"first": shared.first, "second": shared.second, UNSIGNED: unsigned, "locating": locating}


@pytest.mark.parametrize("place", range(len(ROWS)), ids=[row[0] for row in ROWS])
async def test_a_row_beats_all_that_come_after_it(applications: dict[str, Application], place: int) -> None:
    """The request is right up to the row and wrong in every way from there on."""
    attempt = Attempt()
    for _, wrong, _ in reversed(ROWS[place:]):
        attempt = replace(attempt, **wrong)
    answer = await attempt.by(applications[attempt.application])
    assert refused(answer) == ROWS[place][2]
    assert (answer.headers.get("WWW-Authenticate") == "Bearer") is (answer.code == 401)


NO_TEXTS: tuple[object, ...] = (None, "", 7, True, False, ["location"], {})
ALONE: tuple[tuple[dict[str, Any], tuple[int, str]], ...] = (
    ({"bearer": "Bearer"}, BEARER_MISSING),
    ({"bearer": "Basic bm9ib2R5"}, BEARER_MISSING),
    ({"padding": LIMIT}, TOO_LARGE),
    *(({"vin": vin}, VIN_INVALID) for vin in NO_TEXTS),
    *(({"command": command}, COMMAND_INVALID) for command in NO_TEXTS),
    ({"application": UNSIGNED}, NO_SIGN_SECRET),
    *(({"signature": signature}, SIGNATURE_INVALID) for signature in ("0" * 64, "0" * 63, "x" * 64, " ")),
    ({"headers": {"X-Signature": ""}}, SIGNATURE_INVALID),
    *(({"vin": vin}, VIN_UNKNOWN) for vin in ("UNKNOWN", OTHER, f" {PARKED}", f"{PARKED} ", f"{PARKED}\u0000")),
    ({"vin": THIRD, "command": "disable_ignition"}, VIN_UNKNOWN),
    *(({"command": command}, COMMAND_UNKNOWN) for command in ("dance", "LOCATION", "location ", "*")),
    ({"vin": RELAY, "command": "alert"}, COMMAND_UNKNOWN),
    ({"vin": NO_PLAN, "command": "start"}, COMMAND_UNKNOWN),
    ({"application": "locating", "command": "start"}, COMMAND_UNKNOWN),
    ({"application": "second", "vin": OTHER, "command": "enable_ignition"}, COMMAND_UNKNOWN),
    ({"vin": "NOCONSENT", "command": "disable_ignition"}, NO_CONSENT),
    *(({**DISABLE, "code": code}, CODE_INVALID) for code in ("", "12345", "1234567", "12345x", "١٢٣٤٥٦", "+12345")),
    *(({**DISABLE, "code": code}, CODE_INVALID) for code in (123456, True, ["123456"], {"code": "123456"}, 0)),
)


@pytest.mark.parametrize(("wrong", "expected"), ALONE, ids=[repr(wrong) for wrong, _ in ALONE])
async def test_a_request_with_one_fault(
    applications: dict[str, Application], wrong: dict[str, Any], expected: tuple[int, str]
) -> None:
    attempt = Attempt(**wrong)
    assert refused(await attempt.by(applications[attempt.application])) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"vin"', b"{", b'{"vin": "A",}', b'{"vin": NaN}', b"{'vin': 'A'}", b'\xff{"vin": "A"}',
     '{"vin": "A"}'.encode("utf-16"), b'{"vin": "A", "x": {"y": 1, "y": 2}}', b'{"x":' + b"[" * 32 + b"]" * 32 + b"}"],
)  # fmt: skip
async def test_row_3_a_body_that_is_not_one_json_object(shared: ServerEnv, body: bytes) -> None:
    answer = await shared.first.send_raw(body, {"Authorization": f"Bearer {shared.first.token}"})
    assert refused(answer) == NOT_JSON


async def test_row_3_lets_pass_what_the_contract_lets_pass(shared: ServerEnv, vin: str) -> None:
    """A BOM, unknown fields, 32 levels, 16 KiB to the byte, and whatever Content-Type."""
    deep = "[" * 31 + "]" * 31
    body = b"\xef\xbb\xbf" + f'{{"x": {deep}, "command": "location", "vin": "{vin}"}}'.encode()
    signed = {"Authorization": f"Bearer {shared.first.token}", "X-Signature": shared.first.signature(vin, "location")}
    for content_type in ("text/plain", "application/json; charset=latin-1", "nonsense"):
        answer = await shared.first.send_raw(body.ljust(LIMIT), {**signed, "Content-Type": content_type})
        assert (answer.code, answer.body["status"]) == (200, "Pending")


async def test_row_7_answers_after_the_signature_and_before_the_vin(tmp_path: Path) -> None:
    """Twenty at once of an application that may send one a second: most are over the limit."""
    stranger = Attempt(vin="UNKNOWN", headers={"Idempotency-Key": "two words"})
    async with server_env(tmp_path, limits=LimitSettings(application_rate=1, application_burst=1)) as s:
        answers = [await stranger.by(s.first) for _ in range(20)]
        limited = [answer for answer in answers if answer.code == 429]
        assert {refused(answer) for answer in limited} == {TOO_MANY}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in limited)
        forged = [await replace(stranger, signature="0" * 64).by(s.first) for _ in range(10)]
        assert {refused(answer) for answer in forged} == {SIGNATURE_INVALID}


async def test_row_7_never_holds_back_what_restores(tmp_path: Path) -> None:
    async with server_env(tmp_path, limits=LimitSettings(application_rate=1, application_burst=1)) as s:
        for command in ("enable_ignition", "cancel_start", "cancel_alert"):
            heard = [await s.first.post("UNKNOWN", command) for _ in range(5)]
            assert {refused(answer) for answer in heard} == {VIN_UNKNOWN}


async def test_every_command_of_the_contract_is_known(shared: ServerEnv, vin: str) -> None:
    for command in ALL_COMMANDS:
        assert (await shared.first.post(vin, command)).code in (200, 409)
