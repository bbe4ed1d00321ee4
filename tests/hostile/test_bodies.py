"""Clients that send what no client should, to the whole product, while it serves others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from keyturn.config.settings import ServerSettings
from tests.support.clients import Answer
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

VIN = "9KTPARKED00000001"
NOT_JSON = (400, "Request body is not valid JSON.")
NO_VIN = (400, "Invalid VIN. VIN must be a string. At least one VIN is required.")
NO_COMMAND = (400, "Invalid command. Command must be a string. At least one command is required.")
TOO_LARGE = (413, "Request body too large.")
UNKNOWN_VIN = (404, "VIN not found or unauthorized access.")
UNKNOWN_COMMAND = (404, "Command not found or unauthorized access.")
WRONG_CODE = (400, "Confirmation invalid")
SLOW = 0.4
"""Seconds that a client has for its head, and for its body."""

Refusal = tuple[int, str]

UNREADABLE: dict[str, tuple[bytes, Refusal]] = {
    "nothing": (b"", NOT_JSON),
    "cut in a name": (b'{"vin": "9KTPARKED00000001", "comm', NOT_JSON),
    "cut in an escape": (b'{"vin": "\\u00', NOT_JSON),
    "cut before the end": (b'{"vin": "9KTPARKED00000001", "command": "start"', NOT_JSON),
    "two documents": (b'{"vin": "9KTPARKED00000001", "command": "start"}{}', NOT_JSON),
    "the same name twice": (b'{"vin": "9KTPARKED00000001", "command": "start", "command": "location"}', NOT_JSON),
    "the same name twice, deep down": (b'{"more": [{"a": 1, "a": 1}]}', NOT_JSON),
    "no object": (b'["9KTPARKED00000001", "start"]', NOT_JSON),
    "no UTF-8": (b'{"vin": "\xff\xfe", "command": "start"}', NOT_JSON),
    "UTF-16": ('{"vin": "9KTPARKED00000001", "command": "start"}'.encode("utf-16"), NOT_JSON),
    "a raw NUL": (b'{"vin": "9KT\x00", "command": "start"}', NOT_JSON),
    "NUL bytes alone": (b"\x00" * 100, NOT_JSON),
    "not a number": (b'{"vin": NaN, "command": "start"}', NOT_JSON),
    "33 levels": (b'{"a": ' + b"[" * 32 + b"]" * 32 + b"}", NOT_JSON),
    "eight thousand levels": (b"[" * 8000, NOT_JSON),
    "a megabyte": (b'{"vin": "' + b"9" * 1_000_000 + b'"}', TOO_LARGE),
    "a megabyte of nothing": (b" " * 1_000_000, TOO_LARGE),
    "a VIN that is a number": (b'{"vin": 1, "command": "start"}', NO_VIN),
    "a VIN of nine thousand digits": (b'{"vin": ' + b"9" * 9000 + b', "command": "start"}', NO_VIN),
    "a VIN of ten thousand characters": (b'{"vin": "' + b"V" * 10_000 + b'", "command": "start"}', NO_VIN),
    "a VIN that is true": (b'{"vin": true, "command": "start"}', NO_VIN),
    "a command that is a list": (b'{"vin": "9KTPARKED00000001", "command": ["start"]}', NO_COMMAND),
    "a command that is null": (b'{"vin": "9KTPARKED00000001", "command": null}', NO_COMMAND),
}
SIGNED: dict[str, tuple[str, str, Refusal]] = {
    "a VIN with a NUL": (f"{VIN}\0", "start", UNKNOWN_VIN),
    "a VIN that is half a character": ("\ud800", "start", UNKNOWN_VIN),
    "a VIN with a blank": (f" {VIN}", "start", UNKNOWN_VIN),
    "a VIN of as many characters as there may be": ("V" * 64, "start", UNKNOWN_VIN),
    "a VIN that is SQL": ("' OR 1=1 --", "start", UNKNOWN_VIN),
    "a command with a NUL": (VIN, "start\0", UNKNOWN_COMMAND),
    "a command that is half a character": (VIN, "\udfff", UNKNOWN_COMMAND),
    "a command in capitals": (VIN, "START", UNKNOWN_COMMAND),
    "an ignition command for half a character": ("\ud800", "disable_ignition", UNKNOWN_VIN),
}
CODES: list[object] = [
    "1" * 1000,
    int("1" * 1000),
    123456,
    1e300,
    True,
    False,
    0,
    "",
    "\ud800",
    "\0" * 6,
    "12345\n",
    "\u0661\u0662\u0663\u0664\u0665\u0666",
    ["123456"],
    {"code": "123456"},
]


@pytest.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    folder = tmp_path_factory.mktemp("bodies")
    server = ServerSettings(
        port=0, data=str(folder / "data"), header_timeout=SLOW, body_timeout=SLOW, drain_timeout=5.0
    )
    async with server_env(folder, server=server) as running:
        yield running


async def sent_beside_another(whole: ServerEnv, body: bytes, signature: str) -> Answer:
    """The answer, while another client was served."""
    first = whole.first
    proof = {"Authorization": f"Bearer {first.token}", "X-Signature": signature}
    answer, other = await asyncio.gather(first.send_raw(body, proof), first.post("9KTRENTED00000022", "location"))
    assert other.code == 200
    return answer


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_body_that_cannot_be_read_is_refused(whole: ServerEnv, name: str) -> None:
    body, refusal = UNREADABLE[name]
    answer = await sent_beside_another(whole, body, whole.first.signature(VIN, "start"))
    assert (answer.code, answer.body) == (refusal[0], {"detail": refusal[1]})


@pytest.mark.parametrize("name", SIGNED)
async def test_what_is_rightly_signed_and_names_nothing_is_not_found(whole: ServerEnv, name: str) -> None:
    vin, command, refusal = SIGNED[name]
    body = json.dumps({"vin": vin, "command": command}).encode()
    answer = await sent_beside_another(whole, body, whole.first.signature(vin, command))
    assert (answer.code, answer.body) == (refusal[0], {"detail": refusal[1]})


@pytest.mark.parametrize("code", CODES, ids=lambda code: repr(code)[:20])
async def test_a_code_that_is_none_is_invalid_and_no_try(whole: ServerEnv, code: object) -> None:
    first = await whole.first.post(VIN, "enable_ignition")
    body = json.dumps({"vin": VIN, "command": "enable_ignition", "code": code}).encode()
    answer = await sent_beside_another(whole, body, whole.first.signature(VIN, "enable_ignition"))
    assert (answer.code, answer.body) == (WRONG_CODE[0], {"detail": WRONG_CODE[1]})
    (open_code,) = whole.store.rows("SELECT command_id, tries FROM open_code")
    assert open_code == {"command_id": first.body["id"], "tries": 0}


HEAD = "POST /vehicle-command HTTP/1.1\r\nHost: keyturn\r\nAuthorization: Bearer {token}\r\n"
HEAD_IS_SLOW = "Request header was not received in time."
BODY_IS_SLOW = "Request body was not received in time."
SLOW_SENDERS = {
    "the head": ("X-Slow", HEAD_IS_SLOW),
    "the body": ("Content-Length: 100\r\n\r\n{", BODY_IS_SLOW),
    "a chunk": ("Transfer-Encoding: chunked\r\n\r\n10\r\n{", BODY_IS_SLOW),
}


@pytest.mark.parametrize("stop", SLOW_SENDERS)
async def test_caller_that_stops_sending_hears_why_and_holds_nobody_up(whole: ServerEnv, stop: str) -> None:
    sent, detail = SLOW_SENDERS[stop]
    heads = [stopping(whole, sent, detail) for _ in range(50)]
    await asyncio.gather(*heads, served(whole))


async def test_caller_that_trickles_bytes_is_not_waited_for(whole: ServerEnv) -> None:
    async with connected(whole) as (reader, writer):
        dripping = asyncio.create_task(drip(writer, b"X-Slow: " + b"x" * 10_000))
        await assert_too_slow(reader, HEAD_IS_SLOW)
        dripping.cancel()


@asynccontextmanager
async def connected(whole: ServerEnv) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which most of a head was sent."""
    host, port = whole.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(HEAD.format(token=whole.first.token).encode())
    yield reader, writer
    writer.close()


async def stopping(whole: ServerEnv, sent: str, detail: str) -> None:
    """A client that sends so much and no more."""
    async with connected(whole) as (reader, writer):
        writer.write(sent.encode())
        await assert_too_slow(reader, detail)


async def assert_too_slow(reader: asyncio.StreamReader, detail: str) -> None:
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body) == {"detail": detail}


async def drip(writer: asyncio.StreamWriter, raw: bytes) -> None:
    for byte in raw:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


async def served(whole: ServerEnv) -> None:
    """A command of another client succeeds meanwhile."""
    posted = await whole.first.post("9KTRENTED00000022", "lock_door")
    assert (await whole.first.final(posted.body["id"]))["status"] == "Success"
