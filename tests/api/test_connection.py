"""What happens on the wire: malformed HTTP, slow and large senders, pipelining, clients that leave."""

import asyncio
import socket
import struct

import pytest

from keyturn.api.server import protocol
from keyturn.config.settings import ServerSettings
from tests.support.api_env import ApiEnv, body, open_api, signed, wait_until

from .caller import Reply, read_replies, read_reply

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
INVALID = {"detail": "Invalid HTTP request."}
RESET = struct.pack("ii", 1, 0)
HASTY = ServerSettings(header_timeout=0.2, body_timeout=0.3, keep_alive=1.0)


def post(*fields: str, content: bytes = body()) -> bytes:
    lines = ["POST /vehicle-command HTTP/1.1", "Host: x", f"Content-Length: {len(content)}", *fields]
    lines += [f"{name}: {value}" for name, value in signed().items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def told(replies: list[Reply]) -> list[tuple[int, str | None]]:
    return [(reply.status, reply.json.get("detail")) for reply in replies]


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00", b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\na b: c\r\n\r\n",
        b"GET / HTTP/1.1\r\na: \x00\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    ],
)  # fmt: skip
def test_malformed_http_is_answered_and_ends_the_connection(env: ApiEnv, sent: bytes) -> None:
    (reply,) = env.call.raw(sent)
    assert (reply.status, reply.json) == (400, INVALID)
    assert reply.headers["connection"] == "close"
    assert reply.headers["content-type"] == "application/json"


def test_a_refused_connection_keeps_the_clients_request_id(env: ApiEnv) -> None:
    (reply,) = env.call.raw(b"GET / HTTP/1.1\r\nX-Request-Id: mine\r\nA: b\r\nno colon\r\n\r\n")
    assert reply.headers["x-request-id"] == "mine"


def test_a_connection_is_kept_and_used_again(env: ApiEnv) -> None:
    with env.call.connected() as sock:
        for _ in range(3):
            sock.sendall(post())
            reply = read_reply(sock)
            assert reply.status == 200
            assert "connection" not in reply.headers


@pytest.mark.parametrize("head", [b"GET /healthz HTTP/1.0\r\n\r\n", LAST])
def test_a_client_that_wants_to_close_gets_its_way(env: ApiEnv, head: bytes) -> None:
    (reply,) = env.call.raw(head)
    assert (reply.status, reply.headers["connection"]) == (200, "close")


def test_pipelined_requests_are_answered_in_their_order(env: ApiEnv) -> None:
    replies = env.call.raw(GET + post() + GET.replace(b"healthz", b"nothing") + LAST)
    assert [reply.status for reply in replies] == [200, 200, 404, 200]


def test_garbage_behind_a_request_does_not_take_its_answer(env: ApiEnv) -> None:
    assert told(env.call.raw(post() + b"\x00\x01\x02 garbage\r\n\r\n")) == [(200, None), (400, INVALID["detail"])]
    assert told(env.call.raw(GET + post() + b"garbage\r\n" + GET)) == [
        (200, None),
        (200, None),
        (400, INVALID["detail"]),
    ]
    assert len(env.desk.posted) == 2


def test_garbage_behind_a_waiting_request_does_not_take_its_answer(env: ApiEnv) -> None:
    env.desk.hold, let_go = env.loop.latch()
    with env.call.connected() as sock:
        sock.sendall(post())
        wait_until(lambda: env.desk.posted)
        sock.sendall(b"garbage\r\n")
        let_go()
        assert told(read_replies(sock)) == [(200, None), (400, INVALID["detail"])]


def test_a_client_that_sends_garbage_and_stops_sending_hears_both_answers(env: ApiEnv) -> None:
    env.desk.hold, let_go = env.loop.latch()
    with env.call.connected() as sock:
        sock.sendall(post() + b"garbage\r\n")
        sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: env.desk.posted)
        assert env.call("GET", "/healthz").status == 200  # by now the loop has seen the end of what is sent
        let_go()
        assert told(read_replies(sock)) == [(200, None), (400, INVALID["detail"])]


def test_a_request_that_breaks_while_its_bearer_is_judged_is_answered_once(
    env: ApiEnv, caplog: pytest.LogCaptureFixture
) -> None:
    env.directory.hold, let_go = env.loop.latch()
    head = post(content=b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with env.call.connected() as sock:
        sock.sendall(head.replace(b"Bearer right", b"Bearer wrong"))
        wait_until(lambda: env.directory.asked)
        sock.sendall(b"zz\r\n")
        assert told(read_replies(sock)) == [(400, INVALID["detail"])]
        let_go()
        wait_until(lambda: b'code="401"' in env.metrics.render())
    assert caplog.records == []


def test_a_broken_body_behind_a_waiting_request_does_not_take_its_answer(env: ApiEnv) -> None:
    env.desk.hold, let_go = env.loop.latch()
    with env.call.connected() as sock:
        sock.sendall(post() + b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        wait_until(lambda: env.desk.posted)
        let_go()
        assert told(read_replies(sock)) == [(200, None), (400, INVALID["detail"])]


def test_nothing_is_run_behind_the_last_request_of_a_connection(env: ApiEnv) -> None:
    replies = env.call.raw(post("Connection: close") + post())
    assert len(replies) == 1
    assert len(env.desk.posted) == 1


def test_a_client_that_closes_its_sending_side_hears_its_answer(env: ApiEnv) -> None:
    env.desk.hold, let_go = env.loop.latch()
    with env.call.connected() as sock:
        sock.sendall(post())
        sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: env.desk.posted)
        let_go()
        assert told(read_replies(sock)) == [(200, None)]


@pytest.mark.parametrize(
    "sent", [b"GET / HT", post()[:-10], b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"]
)
def test_a_request_that_ends_halfway_is_malformed(env: ApiEnv, sent: bytes) -> None:
    with env.call.connected() as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        assert told(read_replies(sock)) == [(400, INVALID["detail"])]
    assert env.desk.posted == []


def test_a_client_that_goes_away_cancels_nothing(env: ApiEnv) -> None:
    env.desk.hold, let_go = env.loop.latch()
    with env.call.connected() as sock:
        sock.sendall(post())
        wait_until(lambda: env.desk.posted)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    assert env.call("GET", "/healthz").status == 200  # by now the loop has seen the reset
    let_go()
    assert env.desk.finished.wait(5)


def test_an_upgrade_is_ignored(env: ApiEnv) -> None:
    asked = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    websocket = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    head, _, content = post(*asked).partition(b"\r\n\r\n")
    replies = env.call.raw(post(*asked) + websocket, head + b"\r\n\r\n", content, LAST)
    assert [reply.status for reply in replies] == [200, 200, 200, 200]
    assert len(env.desk.posted) == 2


@pytest.mark.parametrize("fields", ["", "Connection: Upgrade\r\nUpgrade: h2c\r\n"])
def test_a_pipeline_without_end_is_cut_behind_what_may_wait(
    env: ApiEnv, caplog: pytest.LogCaptureFixture, fields: str
) -> None:
    one = GET[:-2] + fields.encode() + b"\r\n"
    heard = [reply.status for reply in env.call.raw(one * 3_000)]
    assert heard == [200] * (protocol.MAX_PIPELINED + 1) + [503]
    assert caplog.records == []
    assert env.call("GET", "/healthz").status == 200


def test_a_pipeline_that_may_wait_is_answered_whole(env: ApiEnv) -> None:
    one = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    heard = [reply.status for reply in env.call.raw(one * protocol.MAX_PIPELINED, LAST)]
    assert heard == [200] * (protocol.MAX_PIPELINED + 1)


@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_large_headers_are_431(pieces: int) -> None:
    limit = 4096
    with open_api(ServerSettings(header_limit=limit)) as env:
        for sent in (b"GET /healthz HTTP/1.1\r\nA: " + b"a" * limit, b"GET /" + b"a" * limit + b" HTTP/1.1"):
            whole = sent + b"\r\nConnection: close\r\nX-Request-Id: mine\r\n\r\n"
            size = len(whole) // pieces + 1
            (reply,) = env.call.raw(*(whole[at : at + size] for at in range(0, len(whole), size)))
            assert (reply.status, reply.json) == (431, {"detail": "Request header fields too large."})
        fitting = b"GET /healthz HTTP/1.1\r\nConnection: close\r\nA: " + b"a" * (limit - 100) + b"\r\n\r\n"
        assert [reply.status for reply in env.call.raw(fitting)] == [200]


def test_an_endless_header_is_cut(env: ApiEnv) -> None:
    (reply,) = env.call.raw(b"GET / HTTP/1.1\r\nA: ", b"a" * 1_000_000)
    assert reply.status == 431


@pytest.mark.parametrize("endless", [b"1;" + b"e" * 500_000, b"0\r\nA: " + b"a" * 500_000])
def test_an_endless_chunk_frame_is_cut(env: ApiEnv, endless: bytes) -> None:
    head = post(content=b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with env.call.connected() as sock:
        sock.sendall(head)
        for at in range(0, len(endless), 50_000):
            sock.sendall(endless[at : at + 50_000])
        assert told(read_replies(sock)) == [(413, "Request body too large.")]


def test_a_slow_head_is_408() -> None:
    with open_api(HASTY) as env:
        (reply,) = env.call.raw(b"GET /healthz HTTP/1.1\r\nX-Request-Id: mine\r\nA")
        assert (reply.status, reply.json) == (408, {"detail": "Request header was not received in time."})
        assert reply.headers["x-request-id"] == "mine"
        assert reply.headers["connection"] == "close"


def test_a_slow_head_on_a_kept_connection_is_408() -> None:
    with open_api(HASTY) as env, env.call.connected() as sock:
        sock.sendall(GET)
        assert read_reply(sock).status == 200
        sock.sendall(b"G")
        assert [reply.status for reply in read_replies(sock)] == [408]


def test_a_slow_body_is_408_and_registers_nothing() -> None:
    with open_api(HASTY) as env:
        (reply,) = env.call.raw(post()[:-1])
        assert (reply.status, reply.json) == (408, {"detail": "Request body was not received in time."})
        assert env.desk.posted == []


def test_a_head_that_came_while_another_request_was_answered_is_not_slow() -> None:
    with open_api(HASTY) as env, env.call.connected() as sock:
        env.desk.hold, let_go = env.loop.latch()
        sock.sendall(post() + b"GET /healthz HTTP/1.1\r\nConnection: ")
        wait_until(lambda: env.desk.posted)
        env.loop.run(asyncio.sleep(HASTY.header_timeout * 2))  # long enough for the head's own deadline to pass
        sock.sendall(b"close\r\n\r\n")
        let_go()
        assert [reply.status for reply in read_replies(sock)] == [200, 200]


def test_an_idle_connection_is_closed_in_silence() -> None:
    with open_api(HASTY) as env, env.call.connected() as fresh, env.call.connected() as used:
        used.sendall(GET)
        assert read_reply(used).status == 200
        assert read_replies(used) == []
        assert read_replies(fresh) == []


def test_connections_beyond_the_limit_hear_503() -> None:
    with open_api(ServerSettings(max_connections=2, max_connections_per_address=2)) as env:
        with env.call.connected() as first, env.call.connected() as second:
            for sock in (first, second):
                sock.sendall(GET)
                assert read_reply(sock).status == 200
            (reply,) = env.call.raw(GET)
            assert (reply.status, reply.json) == (503, {"detail": "Service unavailable."})
            assert reply.headers["retry-after"] == "1"
        wait_until(lambda: env.call("GET", "/healthz").status == 200)


def test_a_rejected_connection_takes_nobodys_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 60.0)
    with open_api(ServerSettings(max_connections=1)) as env, env.call.connected() as served:
        served.sendall(GET)
        assert read_reply(served).status == 200
        with env.call.connected() as rejected:
            assert read_reply(rejected).status == 503
            served.close()
            wait_until(lambda: env.call("GET", "/healthz").status == 200)
