"""Whatever is sent: never a 5xx, always JSON with `detail`, always a request id (both asserted by `Reply`)."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.config.settings import LimitSettings
from tests.support.api_env import COMMAND_ID, ApiEnv, open_api, signature

from .caller import read_replies

PATIENT = LimitSettings(failed_attempts_per_minute=1_000_000, application_rate=0)

texts = st.text(st.characters(), max_size=20) | st.sampled_from(["start", "disable_ignition", "\ud800", "\x00", ""])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
orders = st.fixed_dictionaries({}, optional={"vin": texts | values, "command": texts | values, "code": values})
documents = orders.map(lambda order: json.dumps(order).encode())
damaged = st.builds(
    lambda raw, at, piece: raw[:at] + piece + raw[at:], documents, st.integers(0, 80), st.binary(max_size=3)
)
bodies = documents | damaged | st.binary(max_size=200)
visible = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": visible | st.sampled_from(["Bearer right", "bearer unsigned", "Bearer wrong"]),
        "X-Signature": visible | st.text("0123456789abcdefABCDEF", min_size=64, max_size=64),
        "Idempotency-Key": visible,
        "X-Request-Id": visible,
        "X-Forwarded-For": visible,
        "If-None-Match": visible,
        "Content-Type": visible,
        "X-Reason": visible,
    },
)
paths = st.sampled_from(["/vehicle-command", "/token", "/readyz", "/", f"/vehicle-command/{COMMAND_ID}"])
oddities = st.text("/?#%:;&=.-_~ abc0\r\n\x00\xff", max_size=10).map(lambda text: text.encode("latin-1"))


@pytest.fixture(scope="module")
def env() -> Iterator[ApiEnv]:
    with open_api(limits=PATIENT) as opened:
        yield opened


@settings(max_examples=250, deadline=None)
@given(sent=bodies, with_headers=headers)
def test_any_body_and_headers(env: ApiEnv, sent: bytes, with_headers: dict[str, str]) -> None:
    assert env.call("POST", "/vehicle-command", sent, with_headers).status < 500
    assert env.call("POST", "/token", sent, with_headers).status < 500
    assert env.call("GET", f"/vehicle-command/{COMMAND_ID}", sent, with_headers).status < 500


@settings(max_examples=150, deadline=None)
@given(order=orders, more=headers)
def test_any_rightly_signed_order(env: ApiEnv, order: dict[str, Any], more: dict[str, str]) -> None:
    named = [value for value in (order.get("vin"), order.get("command")) if isinstance(value, str) and value]
    signed = len(named) == 2
    proof = {"X-Signature": signature(*named)} if signed else {}
    sent = json.dumps(order).encode()
    reply = env.call("POST", "/vehicle-command", sent, more | proof | {"Authorization": "Bearer right"})
    assert reply.status in (200, 400)
    judged = more.keys() & {"Idempotency-Key", "X-Reason"}
    if signed and b"NaN" not in sent and b"Infinity" not in sent and not judged:
        assert reply.status == 200


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"FOO", b"get"]),
    path=paths.map(str.encode),
    odd=oddities,
    field=st.binary(max_size=30),
    rest=st.binary(max_size=60),
)
def test_any_bytes_on_the_wire(env: ApiEnv, method: bytes, path: bytes, odd: bytes, field: bytes, rest: bytes) -> None:
    with env.call.connected() as sock:
        sock.sendall(method + b" " + path + odd + b" HTTP/1.1\r\nX-Field: " + field + b"\r\n\r\n" + rest)
        sock.shutdown(socket.SHUT_WR)
        replies = read_replies_to(method, sock)
    assert all(status < 500 for status in replies)
    assert replies


def read_replies_to(method: bytes, sock: socket.socket) -> list[int]:
    if method == b"HEAD":
        return [int(sock.makefile("rb").readline().split()[1])]
    return [reply.status for reply in read_replies(sock)]
