"""Connection limits: of all, of one address, of clients behind a proxy, and by the process's file descriptors."""

import resource
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from keyturn.api.routes import build_metrics_app
from keyturn.api.server import connection_limits
from keyturn.api.server.connection_limits import ConnectionLimits, available_connections
from keyturn.api.server.listeners import ListenRefused, tls_context
from keyturn.config.settings import ServerSettings
from keyturn.telemetry.metrics import Metrics
from tests.api.caller import read_replies, read_reply
from tests.support.api_env import ApiEnv, body, open_api, signed, wait_until
from tests.support.certificates import Authority

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
PROXIED = ServerSettings(trusted_proxies=("127.0.0.1",), max_connections=50, max_connections_per_address=2)


def served(sock: socket.socket, request: bytes = GET) -> int:
    sock.sendall(request)
    return read_reply(sock).status


def refused(env: ApiEnv) -> dict[str, float]:
    lines = env.metrics.render().decode().splitlines()
    found = [line for line in lines if line.startswith("keyturn_connections_refused_total{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in found}


def connected_from(env: ApiEnv, address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", env.port), timeout=10, source_address=(address, 0))


def _get(client: str) -> bytes:
    return GET.replace(b"Host: x", b"Host: x\r\nX-Forwarded-For: " + client.encode())


def _post(client: str) -> bytes:
    """A command whose answer is held back."""
    fields = {"Host": "x", "Content-Length": str(len(body())), "X-Forwarded-For": client, **signed()}
    lines = ["POST /vehicle-command HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body()


def _held_post(env: ApiEnv) -> Callable[[], object]:
    env.desk.hold, let_go = env.loop.latch()
    return let_go


def test_one_address_takes_half_of_the_connections_and_another_is_served() -> None:
    with open_api(ServerSettings(max_connections=6)) as env, ExitStack() as held:
        for _ in range(3):
            assert served(held.enter_context(connected_from(env, "127.0.0.2"))) == 200
        for _ in range(5):
            with connected_from(env, "127.0.0.2") as beyond:
                assert served(beyond) == 503
        assert served(held.enter_context(connected_from(env, "127.0.0.3"))) == 200
        assert refused(env) == {"address": 5.0}


def test_a_slot_is_free_again_when_its_connection_closes() -> None:
    with open_api(ServerSettings(max_connections=6)) as env:
        for _ in range(20):
            with connected_from(env, "127.0.0.2") as first, connected_from(env, "127.0.0.2") as second:
                assert [served(first), served(second)] == [200, 200]
            wait_until(lambda: not env.server._network_limits._by_address)


def test_trusted_proxies_have_no_limit_and_the_clients_that_they_name_have_it() -> None:
    with open_api(PROXIED) as env, ExitStack() as held:
        let_go = _held_post(env)
        waiting = [held.enter_context(env.call.connected()) for _ in range(4)]
        for sock, client in zip(waiting, ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"), strict=True):
            sock.sendall(_post(client))
        wait_until(lambda: len(env.desk.posted) == 4)

        with env.call.connected() as beyond:
            assert served(beyond, _get(client="192.0.2.1")) == 503
        with env.call.connected() as other:
            assert served(other, _get(client="192.0.2.3")) == 200
        let_go()

        assert [read_reply(sock).status for sock in waiting] == [200] * 4
        with env.call.connected() as again:
            assert served(again, _get(client="192.0.2.1")) == 200
        assert refused(env) == {"address": 1.0}


def test_a_forwarded_client_that_disconnects_frees_its_slot() -> None:
    with open_api(PROXIED) as env:
        let_go = _held_post(env)
        with env.call.connected() as one, env.call.connected() as two:
            for sock in (one, two):
                sock.sendall(_post("192.0.2.1"))
            wait_until(lambda: len(env.desk.posted) == 2)
        let_go()
        wait_until(lambda: not env.server._network_limits._by_address)
        with env.call.connected() as again:
            assert served(again, _get(client="192.0.2.1")) == 200


def test_refused_connections_do_not_use_up_the_files_by_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "MAX_LINGERING", 2)
    with open_api(ServerSettings(max_connections=2)) as env, ExitStack() as held:
        assert served(held.enter_context(env.call.connected())) == 200
        heard = []
        for _ in range(6):
            sock = held.enter_context(env.call.connected())
            try:
                heard += [reply.status for reply in read_replies(sock)]
            except ConnectionResetError:
                heard.append(0)
        assert heard.count(503) >= 2
        assert refused(env)["address"] == 6.0


def test_handshakes_that_never_end_take_the_slots_of_their_address_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    settings = ServerSettings(max_connections=6, header_timeout=1.0)
    with open_api(settings) as env, ExitStack() as held:
        app = build_metrics_app(env.metrics, env.clock)
        port = env.loop.run(env.server.start(app, "127.0.0.1", 0, tls_context(str(certificate), str(key))))
        for _ in range(12):
            held.enter_context(socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)))
        wait_until(lambda: refused(env).get("address") == 9.0)
        context = ssl.create_default_context(cafile=str(authority.root))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            secured = context.wrap_socket(plain, server_hostname="localhost")
            assert served(secured, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") == 200
            secured.close()
        wait_until(lambda: not env.server._network_limits._by_address)


@pytest.mark.parametrize(
    ("soft", "hard", "expected"), [(256, 100_000, 1_000), (256, 700, None), (90_000, 100_000, 1_000)]
)
def test_the_soft_limit_is_raised_as_far_as_it_is_needed_and_may_be(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, expected: int | None
) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setattr(connection_limits, "resource", limits)

    available = available_connections(ServerSettings(max_connections=1_000))

    if expected is None:
        reserved = 200 + connection_limits.MAX_LINGERING + connection_limits._in_use()
        assert (limits.soft, available) == (700, 700 - reserved)
    else:
        assert available == expected
        assert limits.soft >= max(soft, 1_200)


def test_a_descriptor_limit_that_leaves_no_connections_refuses_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "resource", Limits(256, 256))
    with pytest.raises(ListenRefused, match=r"may open 256 files.*LimitNOFILE"):
        available_connections(ServerSettings())


def test_limits_count_each_address_apart() -> None:
    limits = ConnectionLimits(4, 2, Metrics())
    assert [limits.acquire(address) for address in ("a", "a", "a", "b", None, "c")] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    limits.release("a")
    assert limits.acquire("a")


class Limits:
    """What `available_connections` needs of `resource`."""

    RLIMIT_NOFILE, RLIM_INFINITY = resource.RLIMIT_NOFILE, resource.RLIM_INFINITY

    def __init__(self, soft: int, hard: int) -> None:
        self.soft, self.hard = soft, hard

    def getrlimit(self, _what: int) -> tuple[int, int]:
        return self.soft, self.hard

    def setrlimit(self, _what: int, limits: tuple[int, int]) -> None:
        self.soft, self.hard = limits
