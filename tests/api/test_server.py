"""Listeners and draining."""

import asyncio
import gc
import http.client
import json
import socket
import ssl
import stat
from contextlib import closing
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from keyturn.api.request import Request
from keyturn.api.responses import json_response
from keyturn.api.routes import build_metrics_app
from keyturn.api.server.listeners import ListenRefused, tls_context
from keyturn.api.server.server import Server
from keyturn.api.server.uvicorn_connection import Incoming, respond
from keyturn.config.settings import ServerSettings
from tests.support.api_env import ApiEnv, body, signed, wait_until
from tests.support.certificates import Authority

from .caller import PATIENCE, Caller, Reply, read_replies, read_reply

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def post(head: str = "") -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in signed().items())
    length = f"Content-Length: {len(body())}\r\n"
    return f"POST /vehicle-command HTTP/1.1\r\nHost: x\r\n{length}{fields}{head}\r\n".encode() + body()


def start(env: ApiEnv, host: str, port: int) -> int:
    return env.loop.run(env.server.start(env.app, host, port))


def test_a_taken_port_is_said_in_one_sentence(env: ApiEnv) -> None:
    with pytest.raises(ListenRefused) as refused:
        start(env, "127.0.0.1", env.port)
    assert str(refused.value) == f"Port {env.port} on 127.0.0.1 is already in use."


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("192.0.2.1", "192.0.2.1 is not an address of this machine."),
        ("no-such-host.invalid", "The host no-such-host.invalid is not known."),
    ],
)
def test_an_impossible_address_is_said_in_one_sentence(env: ApiEnv, host: str, sentence: str) -> None:
    with pytest.raises(ListenRefused) as refused:
        start(env, host, 0)
    assert str(refused.value) == sentence


def test_metrics_have_a_listener_of_their_own(env: ApiEnv) -> None:
    app = build_metrics_app(env.metrics, env.clock)
    call = Caller(env.loop.run(env.server.start(app, "127.0.0.1", 0)))
    assert call("GET", "/metrics").status == 200
    assert call("GET", "/healthz").status == 404


def test_an_inherited_socket_is_served(env: ApiEnv) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = env.loop.run(env.server.start_inherited(env.app, bound.detach()))
    assert Caller(port)("GET", "/healthz").status == 200


def test_an_application_may_take_larger_bodies_than_the_public_one(env: ApiEnv) -> None:
    async def measure(scope: Scope, receive: Receive, send: Send) -> None:
        size = len(await Request(scope, receive).body(1_000_000))
        await json_response(200, size, [(b"x-request-id", b"measured")]).send(send)

    call = Caller(env.loop.run(env.server.start(measure, "127.0.0.1", 0)))
    assert call("POST", "/", b"a" * 900_000).json == 900_000
    with closing(http.client.HTTPConnection("127.0.0.1", call.port, timeout=PATIENCE)) as connection:
        connection.request("POST", "/", iter([b"a" * 50_000] * 18), encode_chunked=True)
        assert Reply(connection.getresponse()).json == 900_000


def test_a_unix_socket_is_for_its_owner_alone(env: ApiEnv, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    env.loop.run(env.server.start_unix(env.app, path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        sock.sendall(post())
        assert read_reply(sock).status == 200
    env.loop.run(env.server.drain(0.0))
    assert not path.exists()


def test_a_file_in_the_place_of_the_unix_socket_is_not_removed(env: ApiEnv, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    path.write_text("mine")
    with pytest.raises(ListenRefused, match=r"^The socket .*admin.sock cannot be opened: Address already in use\.$"):
        env.loop.run(env.server.start_unix(env.app, path))
    assert path.read_text() == "mine"


def certificate(folder: Path) -> tuple[str, str]:
    """A certificate for localhost and its key, in one PEM file; and the file of the authority that signed it."""
    authority = Authority(folder)
    signed_one, key = authority.issue("localhost")
    path = folder / "tls.pem"
    path.write_bytes(key.read_bytes() + signed_one.read_bytes())
    return str(path), str(authority.root)


def test_tls_is_served_in_process(env: ApiEnv, tmp_path: Path) -> None:
    pem, root = certificate(tmp_path)
    port = env.loop.run(env.server.start(env.app, "localhost", 0, tls_context(pem, "")))
    connection = http.client.HTTPSConnection(
        "localhost", port, timeout=PATIENCE, context=ssl.create_default_context(cafile=root)
    )
    for sent in (body(), b"x" * 1_000_000):
        connection.request("POST", "/vehicle-command", sent, signed() | {"Connection": "close"})
        assert Reply(connection.getresponse()).status == (200 if sent == body() else 413)
    connection.close()


def test_a_certificate_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ListenRefused, match=r"^The TLS certificate .*none.pem cannot be used: No such file"):
        tls_context(str(tmp_path / "none.pem"), "")
    (tmp_path / "bad.pem").write_text("rubbish")
    with pytest.raises(ListenRefused, match=r"^The TLS certificate .*bad.pem cannot be used: "):
        tls_context(str(tmp_path / "bad.pem"), "")


def test_draining_finishes_what_runs_and_takes_nothing_new(env: ApiEnv) -> None:
    env.desk.hold, let_go = env.loop.latch()
    with env.call.connected() as idle, env.call.connected() as busy:
        idle.sendall(GET)
        assert read_reply(idle).status == 200
        busy.sendall(post())
        wait_until(lambda: env.desk.posted)
        drained = env.loop.begin(env.server.drain(30.0))
        assert read_replies(idle) == []
        with pytest.raises(ConnectionRefusedError):
            env.call("GET", "/healthz")
        assert not drained.done()
        let_go()
        (reply,) = read_replies(busy)
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        drained.result(10)


def test_an_answer_that_is_ready_as_draining_begins_is_not_lost(env: ApiEnv) -> None:
    drains = []

    async def drain_right_after_this_answer() -> None:
        drains.append(asyncio.create_task(env.server.drain(5.0)))

    env.desk.hold = drain_right_after_this_answer
    with env.call.connected() as sock:
        sock.sendall(post())
        assert [reply.status for reply in read_replies(sock)] == [200]


def test_request_that_does_not_finish_in_time_is_answered_503(env: ApiEnv) -> None:
    env.desk.hold, _ = env.loop.latch()
    with env.call.connected() as sock:
        sock.sendall(post("X-Request-Id: mine\r\n"))
        wait_until(lambda: env.desk.posted)
        env.loop.run(env.server.drain(0.05))
        (reply,) = read_replies(sock)
    assert (reply.status, json.loads(reply.body)) == (503, {"detail": "Service unavailable."})
    assert (reply.headers["x-request-id"], reply.headers["retry-after"]) == ("mine", "1")


def test_draining_twice_or_before_starting_is_harmless(env: ApiEnv) -> None:
    env.loop.run(Server(ServerSettings(), env.metrics, env.clock).drain(1.0))
    env.loop.run(env.server.drain(1.0))
    env.loop.run(env.server.drain(1.0))


def test_a_request_leaves_nothing_for_the_garbage_collector(env: ApiEnv) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", env.port, timeout=PATIENCE)) as connection:
        gc.collect()
        gc.disable()
        try:
            for method, path in (("GET", "/nothing"), ("GET", "/healthz"), ("POST", "/vehicle-command")) * 3:
                connection.request(method, path, body() if method == "POST" else None, signed())
                connection.getresponse().read()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = [each for each in gc.garbage if isinstance(each, Request | Incoming)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert left == []


@pytest.mark.parametrize("value", [b"a\r\nx-more: b", b"a\nx-more: b", b"a\rb"])
def test_no_header_field_can_begin_another_line(env: ApiEnv, value: bytes) -> None:
    refused: list[ValueError] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await respond(scope["state"]["incoming"], 200, [(b"x-field", value), (b"content-length", b"0")], b"")
        except ValueError as error:
            refused.append(error)
        await json_response(500, {"detail": "refused"}, [(b"x-request-id", b"1")]).send(send)

    reply = Caller(env.loop.run(env.server.start(app, "127.0.0.1", 0)))("GET", "/")
    assert (reply.status, len(refused)) == (500, 1)
    assert not {"x-field", "x-more"} & set(reply.headers)
