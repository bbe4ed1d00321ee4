import pytest
from structlog.testing import capture_logs

from keyturn.config.settings import ServerSettings
from keyturn.store.port import StoreUnavailable
from tests.support.api_env import COMMAND_ID, ApiEnv, body, open_api, signed

ROUTES = [
    ("POST", "/vehicle-command"),
    ("GET", f"/vehicle-command/{COMMAND_ID}"),
    ("POST", "/token"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]
FORM = b"client_id=rental&client_secret=opened%2C+sesame+%26+more"


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_answers_with_and_without_a_slash(env: ApiEnv, method: str, path: str, slash: str) -> None:
    sent = FORM if path == "/token" else body() if method == "POST" else b""
    assert env.call(method, path + slash, sent, signed()).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/vehicle-command//", "//vehicle-command", "/vehicle-command/a/b", "/vehicle-command%0A",
             "/vehicle%2Dcommand", "/Token", "/docs", "/vehicle-command/a%2Fb/c", "/%00"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_an_unknown_path_is_not_found_without_a_bearer(env: ApiEnv, method: str, path: str) -> None:
    reply = env.call(method, path)
    assert reply.status == 404
    assert reply.body == b"" if method == "HEAD" else reply.json == {"detail": "Not Found"}
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("allowed", "path"), ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_a_wrong_method_is_told_what_is_allowed(env: ApiEnv, method: str, allowed: str, path: str) -> None:
    if method == allowed:
        assert env.call(method, path).status != 405
        return
    reply = env.call(method, path)
    assert (reply.status, reply.json) == (405, {"detail": "Method Not Allowed"})
    assert set(reply.headers["allow"].split(", ")) == ({"GET", "HEAD"} if allowed == "GET" else {"POST"})


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "GET"])
def test_head_works_where_get_does(env: ApiEnv, path: str) -> None:
    reply = env.call("HEAD", path, headers=signed())
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


def test_there_is_no_cors_and_no_server_header(env: ApiEnv) -> None:
    reply = env.call("POST", "/vehicle-command", body(), signed(Origin="https://elsewhere.example"))
    assert not [name for name in reply.headers if name.startswith("access-control") or name == "server"]
    assert reply.headers["date"].endswith("GMT")


@pytest.mark.parametrize("given", ["a", "~" * 128, "7f!\"#'()"])
def test_a_visible_request_id_comes_back(env: ApiEnv, given: str) -> None:
    for path in ("/healthz", "/nothing", "/vehicle-command"):
        assert env.call("GET", path, headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "\u00e9", "a\tb"])
def test_any_other_request_id_is_replaced_by_a_new_one(env: ApiEnv, given: str) -> None:
    ids = [env.call("GET", "/healthz", headers={"X-Request-Id": given}).headers["x-request-id"] for _ in range(2)]
    assert given not in ids
    assert ids[0] != ids[1]


def test_health_readiness_and_their_problems(env: ApiEnv) -> None:
    assert env.call("GET", "/healthz").json == {"status": "ok"}
    assert env.call("GET", "/readyz").json == {"status": "ready"}
    env.readiness.found = {"store": "read-only"}
    reply = env.call("GET", "/readyz")
    assert (reply.status, reply.json["problems"]) == (503, {"store": "read-only"})
    assert env.call("GET", "/healthz").status == 200


def test_metrics_count_requests_by_route_and_code(env: ApiEnv) -> None:
    env.call.get("/vehicle-command/none")
    env.call("GET", "/no-such-path")
    reply = env.call("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    lines = reply.body.decode().splitlines()
    assert 'keyturn_http_requests_total{code="404",route="/vehicle-command/{command_id}"} 1.0' in lines
    assert 'keyturn_http_requests_total{code="404",route="unmatched"} 1.0' in lines
    assert "no-such-path" not in reply.body.decode()


def test_metrics_can_move_to_an_address_of_their_own() -> None:
    with open_api(ServerSettings(metrics_host="127.0.0.1")) as env:
        assert env.call("GET", "/metrics").status == 404


def test_a_store_that_cannot_acknowledge_is_503(env: ApiEnv) -> None:
    env.desk.failure = StoreUnavailable("disk full at /var/lib")
    reply = env.call("POST", "/vehicle-command", body(), signed())
    assert (reply.status, reply.json) == (503, {"detail": "Service unavailable."})
    assert reply.headers["retry-after"] == "1"


def test_an_unexpected_failure_is_500_and_is_logged_without_secrets(env: ApiEnv) -> None:
    env.desk.failure = ZeroDivisionError("boom")
    headers = signed(**{"X-Request-Id": "find-me"})
    with capture_logs() as logs:
        reply = env.call("POST", "/vehicle-command", body(), headers)
    assert (reply.status, reply.json) == (500, {"detail": "Internal server error."})
    (line,) = logs
    assert (line["request_id"], line["path"], line["exc_info"]) == ("find-me", "/vehicle-command", env.desk.failure)
    assert headers["X-Signature"] not in str(line)
    assert "Bearer" not in str(line)
    env.desk.failure = None
    assert env.call("POST", "/vehicle-command", body(), signed()).status == 200


def test_a_record_keeps_the_code_that_the_desk_gave_it(env: ApiEnv) -> None:
    env.desk.answer = type(env.desk.answer)(502, {"id": COMMAND_ID, "status": "Error", "detail": "Not sent."})
    reply = env.call("POST", "/vehicle-command", body(), signed())
    assert (reply.status, reply.json) == (502, env.desk.answer.body)
