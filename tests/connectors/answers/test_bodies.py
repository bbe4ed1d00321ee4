"""Response bodies in every content encoding and charset are decoded."""

import gzip
import json
import zlib

import brotli
import pytest

from keyturn.connectors.oem_http.http.bodies import BodyError, BodyTooLarge, plain
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind
from tests.connectors.definitions import OPERATION, connector
from tests.connectors.orders import order, target
from tests.support.clock import RunningClock
from tests.support.oem import Oem, answer

pytestmark = pytest.mark.anyio

TEXT = '{"op": {"id": "sé7", "state": "done"}}'
JSON = TEXT.encode()
BARE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
BARE_DEFLATE = BARE.compress(JSON) + BARE.flush()
PACKED = [
    ("gzip", gzip.compress(JSON)),
    ("x-gzip", gzip.compress(JSON)),
    ("GZIP", gzip.compress(JSON[:9]) + gzip.compress(JSON[9:])),
    ("deflate", zlib.compress(JSON)),
    ("deflate", BARE_DEFLATE),
    ("br", brotli.compress(JSON)),
    ("identity", JSON),
    ("deflate, gzip", gzip.compress(zlib.compress(JSON))),
]
WRITTEN = [
    ("", b"\xef\xbb\xbf" + JSON),
    ("", TEXT.encode("utf-16")),
    ("", b"\xfe\xff" + TEXT.encode("utf-16-be")),
    ("application/json; charset=ISO-8859-1", TEXT.encode("latin-1")),
    ('application/json; charset="iso-8859-1"', TEXT.encode("latin-1")),
    ("text/plain;charset=windows-1252", TEXT.encode("cp1252")),
    ("application/json; charset=utf-8", b"\xef\xbb\xbf" + JSON),
    ("application/json; charset=no-such", JSON),
    ("application/json", JSON),
]


async def sent(oem: Oem, body: bytes, **headers: str) -> OemResponse:
    sender = connector(oem.url)
    oem.answer_with(answer(202, body, **headers))
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    return answered


@pytest.mark.parametrize(("coding", "body"), PACKED, ids=range(len(PACKED)))
async def test_a_packed_answer_to_a_command_is_read(oem: Oem, coding: str, body: bytes) -> None:
    answered = await sent(oem, body, Content_Encoding=coding)
    assert answered.operation == Operation(id="sé7")
    assert answered.exchange is not None
    assert answered.exchange.answer == TEXT


@pytest.mark.parametrize(("kind", "body"), WRITTEN, ids=range(len(WRITTEN)))
async def test_an_answer_in_another_charset_or_with_a_mark_is_read(oem: Oem, kind: str, body: bytes) -> None:
    answered = await sent(oem, body, **({"Content_Type": kind} if kind else {}))
    assert answered.operation == Operation(id="sé7")
    assert answered.exchange is not None
    assert answered.exchange.answer == TEXT


async def test_questions_and_state_reads_are_unpacked_too(oem: Oem) -> None:
    asker = connector(oem.url)
    state = answer(200, brotli.compress(b'{"up": true}'), Content_Encoding="br")
    oem.answer_with(answer(200, gzip.compress(JSON), Content_Encoding="gzip"), state)
    assert (await asker.get_status(target(), "start", Operation(id="7"))).kind is OutcomeKind.SUCCEEDED
    report = await asker.read_report(target())
    await asker.close()
    assert report is not None
    assert report.reachable is True


async def test_a_token_is_read_from_a_packed_answer(oem: Oem) -> None:
    sender = connector(oem.url, auth={"scheme": "oauth2", "token_url": "/login", "grant": "none"})
    token = gzip.compress(json.dumps({"access_token": "abc"}).encode())
    oem.answer_with(answer(200, token, Content_Encoding="gzip"), answer(202, JSON))
    await sender.send(order(RunningClock()))
    await sender.close()
    assert oem.seen[1].headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        ("gzip", b"\x00" + JSON, "the answer is not what its Content-Encoding, gzip, says"),
        ("gzip", gzip.compress(JSON)[:-9], "the answer is not what its Content-Encoding, gzip, says"),
        ("br", b"\x00\xff\xff", "the answer is not what its Content-Encoding, br, says"),
        ("br", brotli.compress(JSON)[:-3], "the answer is not what its Content-Encoding, br, says"),
        ("zstd", b"\x28\xb5\x2f\xfd", "the answer is packed in a way that was not asked for"),
    ],
    ids=["no gzip", "cut gzip", "no br", "cut br", "zstd"],
)
async def test_an_answer_that_cannot_be_unpacked_may_have_happened_and_says_why(
    oem: Oem, coding: str, body: bytes, why: str
) -> None:
    answered = await sent(oem, body, Content_Encoding=coding)
    assert answered.kind is OutcomeKind.NO_OPERATION
    assert answered.exchange is not None
    assert (answered.exchange.status, answered.exchange.answer) == (202, why)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, brotli.compress])
async def test_an_answer_that_unpacks_to_too_much_is_as_one_that_is_too_large(oem: Oem, pack: object) -> None:
    assert callable(pack)
    coding = {gzip.compress: "gzip", zlib.compress: "deflate", brotli.compress: "br"}[pack]
    whole = JSON[:-1] + b', "pad": "' + b"x" * 10_000_000 + b'"}'
    answered = await sent(oem, pack(whole), Content_Encoding=coding)
    assert answered.kind is OutcomeKind.UNCLEAR
    assert answered.exchange is not None
    assert answered.exchange.answer.startswith("the answer is larger than 6")


async def test_an_answer_that_is_only_said_to_be_packed_is_read(oem: Oem) -> None:
    assert (await sent(oem, JSON, Content_Encoding="gzip")).operation == Operation(id="sé7")


async def test_an_error_code_in_a_packed_answer_decides(oem: Oem) -> None:
    sender = connector(oem.url, OPERATION)
    oem.answer_with(answer(409, gzip.compress(b'{"code": "BUSY"}'), Content_Encoding="gzip"))
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)


@pytest.mark.parametrize("size", [0, 1, 100, 65_536, 65_537])
@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]
)
def test_exactly_what_may_be_is_unpacked(coding: str, pack: object, size: int) -> None:
    assert callable(pack)
    body = b"x" * size
    if size > 65_536:
        with pytest.raises(BodyTooLarge):
            plain(pack(body), encoding=coding, largest=65_536)
    else:
        assert plain(pack(body), encoding=coding, largest=65_536) == body


def test_rubbish_is_never_more_than_an_error() -> None:
    for coding in ("gzip", "deflate", "br"):
        for body in (b"\x1f", b"\x1f\x8b", b"\x78\x9c\x00", bytes(range(256)), b"\x8b" * 70):
            with pytest.raises(BodyError):
                plain(body, encoding=coding, largest=65_536)
