import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyturn.api import json_body
from keyturn.api.json_body import decode_object, parse_command
from keyturn.errors import InvalidJson, Refusal
from tests.support.api_env import VIN, ApiEnv, body, signature, signed

INVALID = "Request body is not valid JSON."
TOO_LARGE = "Request body too large."


def nested(levels: int) -> bytes:
    """An object whose objects and arrays are `levels` deep."""
    inner = levels - 1
    return b'{"vin":"A","command":"start","deep":' + b"[" * inner + b"]" * inner + b"}"


@pytest.mark.parametrize(
    "sent",
    [
        b"", b" ", b"{", b'{"vin":"A","command":', b'{"vin":"A"}}', b'{"vin":"A",}', b"{'vin':'A'}", b"[]", b'"text"',
        b"null", b"7", b'{"vin":"A","vin":"A"}', b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"\\u0062":2}]}', b'{"a":NaN}',
        b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":01}', b'{"a":1.}', b'{"a":+1}', b'{"a":"\n"}', b'{"a":"\x00"}',
        b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b"\xef\xbb\xbf\xef\xbb\xbf{}", "{}".encode("utf-16"), b'{"a":"\\x"}',
        b'{"a":"\\ud8"}', b"\xef\xbb\xbf", b'{"a":1}\x00', nested(33), b"[" * 16000, b'{"a":' * 3000, b'{"a":[' * 2000,
    ],
)  # fmt: skip
def test_what_is_not_one_plain_json_object_is_refused(env: ApiEnv, sent: bytes) -> None:
    with pytest.raises(InvalidJson):
        decode_object(sent)
    reply = env.call("POST", "/vehicle-command", sent, signed())
    assert (reply.status, reply.json) == (400, {"detail": INVALID})


@pytest.mark.parametrize(
    "extra",
    [
        b'"a":' + b"9" * 5000, b'"a":-' + b"9" * 5000, b'"a":1e999', b'"a":1.5e-999', b'"a":"\\ud800"', b'"\\udfff":1',
        b'"a":"\\u0000"', b'"":1', b'"Vin":1', b'"a":[[],{}]', b'"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["',
        b'"code":' + b"1" * 1000, b'"code":"\\ud800"', b'"code":null',
    ],
)  # fmt: skip
def test_odd_but_valid_json_is_served(env: ApiEnv, extra: bytes) -> None:
    sent = body()[:-1] + b"," + extra + b"}"
    assert env.call("POST", "/vehicle-command", sent, signed()).status == 200


def test_32_levels_are_allowed_and_33_are_not() -> None:
    assert decode_object(nested(32))["vin"] == "A"
    with pytest.raises(InvalidJson):
        decode_object(nested(33))


def test_many_shallow_members_are_not_deep() -> None:
    assert len(decode_object(json.dumps({str(n): [n] for n in range(100)}).encode())) == 100


def test_a_byte_order_mark_is_allowed(env: ApiEnv) -> None:
    assert env.call("POST", "/vehicle-command", b"\xef\xbb\xbf" + body(), signed()).status == 200


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml; charset=utf-16", "garbage"])
def test_the_content_type_is_not_judged(env: ApiEnv, content_type: str) -> None:
    headers = signed(**{"Content-Type": content_type})
    assert env.call("POST", "/vehicle-command", body(), headers).status == 200


@pytest.mark.parametrize("odd", ["\ud800", "\udc00x", "a\x00b"])
def test_text_that_no_database_keeps_is_replaced_after_signing(env: ApiEnv, odd: str) -> None:
    sent = json.dumps({"vin": odd, "command": odd}).encode()
    headers = signed(**{"Idempotency-Key": "k"}) | {"X-Signature": signature(odd, odd)}
    assert env.call("POST", "/vehicle-command", sent, headers).status == 200
    (request,) = env.desk.posted
    assert request.vin == request.command
    request.vin.encode()
    assert "\ufffd" in request.vin
    assert "\x00" not in request.vin


def padded(size: int) -> bytes:
    return body().ljust(size)


def test_the_body_limit_is_16_kib_to_the_byte(env: ApiEnv) -> None:
    assert env.call("POST", "/vehicle-command", padded(16384), signed()).status == 200
    reply = env.call("POST", "/vehicle-command", padded(16385), signed())
    assert (reply.status, reply.json) == (413, {"detail": TOO_LARGE})


def head(*fields: str) -> bytes:
    lines = ["POST /vehicle-command HTTP/1.1", "Host: x", *fields]
    lines += [f"{name}: {value}" for name, value in signed().items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunked(whole: bytes, size: int) -> bytes:
    chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def test_a_chunked_body_is_read_and_counted(env: ApiEnv) -> None:
    fields = ("Transfer-Encoding: chunked", "Connection: close")
    (reply,) = env.call.raw(head(*fields) + chunked(padded(16384), 7))
    assert reply.status == 200
    (reply,) = env.call.raw(head(*fields) + chunked(padded(16385), 1000))
    assert (reply.status, reply.detail) == (413, TOO_LARGE)


@pytest.mark.parametrize("fields", [("Connection: close",), ()])
def test_body_of_a_megabyte_is_answered_413(env: ApiEnv, fields: tuple[str, ...]) -> None:
    megabyte = padded(1_000_000)
    (reply,) = env.call.raw(head("Content-Length: 1000000", *fields), megabyte)
    assert (reply.status, reply.detail) == (413, TOO_LARGE)
    (reply,) = env.call.raw(head("Transfer-Encoding: chunked", *fields), chunked(megabyte, 50_000))
    assert (reply.status, reply.detail) == (413, TOO_LARGE)
    assert reply.headers["connection"] == "close"


def test_a_chunked_body_is_refused_before_its_end(env: ApiEnv) -> None:
    unfinished = chunked(padded(20000), 1000).removesuffix(b"0\r\n\r\n")
    (reply,) = env.call.raw(head("Transfer-Encoding: chunked") + unfinished)
    assert (reply.status, reply.detail) == (413, TOO_LARGE)


def test_a_length_with_many_zeros_is_a_length(env: ApiEnv) -> None:
    (reply,) = env.call.raw(head("Content-Length: " + "0" * 5000 + str(len(body())), "Connection: close") + body())
    assert reply.status == 200


def test_a_declared_length_is_refused_before_anything_is_sent(env: ApiEnv) -> None:
    (reply,) = env.call.raw(head("Content-Length: 99999999999999", "Expect: 100-continue"))
    assert (reply.status, reply.detail) == (413, TOO_LARGE)


def test_a_client_that_waits_for_100_continue_gets_it(env: ApiEnv) -> None:
    with env.call.connected() as sock:
        sock.sendall(head(f"Content-Length: {len(body())}", "Expect: 100-continue", "Connection: close"))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body())
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_trailers_are_not_headers(env: ApiEnv) -> None:
    lines = ["POST /vehicle-command HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Connection: close"]
    sent = "\r\n".join(lines) + "\r\n\r\n"
    trailers = "".join(f"{name}: {value}\r\n" for name, value in signed().items())
    (reply,) = env.call.raw(sent.encode() + chunked(body(), 100)[:-2] + trailers.encode() + b"\r\n")
    assert (reply.status, reply.detail) == (401, "Bearer token missing.")


def test_the_body_of_a_request_may_come_in_pieces(env: ApiEnv) -> None:
    sent = head(f"Content-Length: {len(body())}", "Connection: close") + body()
    with env.call.connected() as sock:
        for byte in sent:
            sock.sendall(bytes([byte]))
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert env.desk.posted[0].vin == VIN


_SPACE = st.sampled_from(["", " ", "\n", "\t\r ", "\x0c", "\ufeff"])
_TEXT = st.sampled_from(
    ['"vin"', '"command"', '"code"', '""', '"9BW"', '"\\u0076in"', '"\\"', '"\x01"', '"\x7f"', '"é"', '"\ud800"']
)
_OTHER = st.sampled_from(["1", "null", "true", "{}", '{"vin":"x"}', "[]", "NaN", '["', "'vin'"])
_MEMBER = st.tuples(_SPACE, _TEXT, _SPACE, st.sampled_from([":", "", "::"]), _SPACE, _TEXT | _OTHER, _SPACE)


@given(st.lists(_MEMBER, max_size=4), st.sampled_from([",", ",,", ""]), st.sampled_from(["}", "", "}}", "} x"]))
@example([("", '"vin"', "", ":", "", '"A"', ""), ("", '"vin"', "", ":", "", '"B"', "")], ",", "}")
@example([("", '"command"', "", ":", "", '"A"', ""), (" ", '"vin"', " ", ":", "\n", '"B"', "")], ",", "}")
@example([("", f'"{name}"', "", ":", "", '"A"', "") for name in ("vin", "command", "vin")], ",", "}")
def test_a_plain_body_is_what_the_strict_decoder_makes_of_it(
    members: list[tuple[str, ...]], comma: str, end: str
) -> None:
    sent = ("{" + comma.join("".join(member) for member in members) + end).encode(errors="surrogatepass")

    assert _outcome(sent) == _outcome_by_strict_decoder(sent)


def _outcome(sent: bytes) -> object:
    try:
        return parse_command(sent)
    except Refusal as refusal:
        return type(refusal)


def _outcome_by_strict_decoder(sent: bytes) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "_plain_members", lambda _body: None)
        return _outcome(sent)
