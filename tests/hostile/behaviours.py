"""How an OEM's server can misbehave, by name."""

import asyncio
import random
from collections.abc import Callable, Iterator
from itertools import repeat

from tests.hostile.hostile_oem import Behaviour, Caller, Seen, answer, saying

CHUNK = b"400\r\n" + b"x" * 0x400 + b"\r\n"
CHUNKED = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 202 Accepted\r\n"
BODY = b'{"id": "op-1"}'
MANY_MEGABYTES = b'{"id": "op-1", "more": "' + b"x" * 10_000_000 + b'"}'
NOISE = random.Random(3).randbytes(4096)

_PAUSE = 0.02


async def silence(_seen: Seen, caller: Caller) -> None:
    await caller.until_gone()


async def hang_up(_seen: Seen, _caller: Caller) -> None:
    """The connection ends after the request."""


def endless(*parts: bytes, pause: float = 0.0) -> Behaviour:
    """The parts, and then the last one again until the caller hangs up."""

    async def go_on(_seen: Seen, caller: Caller) -> None:
        for part in _for_ever(parts):
            await caller.say(part)
            await asyncio.sleep(pause)

    return go_on


def then_silence(raw: bytes) -> Behaviour:
    async def say(_seen: Seen, caller: Caller) -> None:
        await caller.say(raw)
        await caller.until_gone()

    return say


def _for_ever(parts: tuple[bytes, ...]) -> Iterator[bytes]:
    yield from parts
    yield from repeat(parts[-1])


def always(behaviour: Behaviour) -> Callable[[object], Behaviour]:
    """The behaviour towards any product."""
    return lambda _product: behaviour


def lines(*header: str) -> bytes:
    """A head with these header lines, before `BODY`."""
    return HEAD + "".join(f"{line}\r\n" for line in header).encode() + b"\r\n" + BODY


NO_WHOLE_ANSWER: dict[str, Behaviour] = {
    "never answers": silence,
    "hangs up after the request": hang_up,
    "hangs up in the middle of the head": saying(HEAD + b"Content-Le", then_close=True),
    "says less than it announced and hangs up": saying(lines("Content-Length: 400"), then_close=True),
    "says less than it announced and waits": then_silence(lines("Content-Length: 400")),
    "ten megabytes of JSON": saying(answer(202, MANY_MEGABYTES)),
    "chunks without end": endless(CHUNKED, CHUNK),
    "a byte now and then without end": endless(CHUNKED, b"1\r\nx\r\n", pause=_PAUSE),
    "a chunk that is none": saying(CHUNKED + b"-5\r\nhello\r\n", then_close=True),
    "a body without a length that does not end": endless(HEAD + b"\r\n", b"x", pause=_PAUSE),
    "a header of a megabyte": saying(HEAD + b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\n" + BODY, then_close=True),
    "headers without end": endless(HEAD, b"X-More: of this\r\n" * 64),
    "provisional answers without end": endless(b"HTTP/1.1 100 Continue\r\n\r\n", pause=_PAUSE),
    "another protocol": then_silence(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "more than it announced": saying(lines("Content-Length: 9")),
    "two lengths": saying(lines("Content-Length: 3", "Content-Length: 14"), then_close=True),
    "a length below nothing": saying(lines("Content-Length: -14"), then_close=True),
    "garbage": saying(NOISE, then_close=True),
    "a greeting": then_silence(b"220 mail.oem.example ESMTP\r\n"),
}
"""After these nobody can know whether the command was taken."""
