"""The rows of the contract's table that the edge judges, in their order."""

import pytest

from keyturn.config.settings import LimitSettings
from keyturn.errors import VinNotFound
from tests.support.api_env import VIN, ApiEnv, body, open_api, signature, signed

NO_BEARER = "Bearer token missing."
BAD_BEARER = "Bearer token invalid or expired."
BAD_VIN = "Invalid VIN. VIN must be a string. At least one VIN is required."
BAD_COMMAND = "Invalid command. Command must be a string. At least one command is required."


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "right", "Basic right", "Bearer right other", "Bearer right, Bearer right", "Bearer a\tb",
     "Bearer right=x", "Bearer \u00e9", "Bearer: right"],
)  # fmt: skip
def test_row_1_a_malformed_bearer_is_missing(env: ApiEnv, value: str) -> None:
    reply = env.call("POST", "/vehicle-command", body(), signed() | {"Authorization": value})
    assert (reply.status, reply.json) == (401, {"detail": NO_BEARER})
    assert reply.headers["www-authenticate"] == "Bearer"


def test_row_1_two_authorization_headers_are_malformed(env: ApiEnv) -> None:
    head = (
        b"POST /vehicle-command HTTP/1.1\r\nhost: x\r\nauthorization: Bearer right\r\nauthorization: Bearer right\r\n"
    )
    (reply,) = env.call.raw(head + b"connection: close\r\n\r\n")
    assert (reply.status, reply.detail) == (401, NO_BEARER)


@pytest.mark.parametrize("path", ["/vehicle-command", "/vehicle-command/0198b2df-1d68-7000-8760-cf36f06d00b5"])
def test_row_2_an_unknown_token_is_invalid(env: ApiEnv, path: str) -> None:
    method = "GET" if path.count("/") > 1 else "POST"
    reply = env.call(method, path, body(), signed(token="stolen"))
    assert (reply.status, reply.json) == (401, {"detail": BAD_BEARER})
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer", "bEaReR", "Bearer  "])
def test_the_bearer_scheme_is_case_insensitive(env: ApiEnv, scheme: str) -> None:
    reply = env.call("POST", "/vehicle-command", body(), signed() | {"Authorization": f"{scheme} right"})
    assert reply.status == 200


@pytest.mark.parametrize("vin", [None, "", 7, True, [], {}, ["A"], "A" * 65, "ã" * 65, "A" * 16_000])
def test_row_4_judges_the_vin(env: ApiEnv, vin: object) -> None:
    reply = env.call("POST", "/vehicle-command", body(vin=vin), signed())
    assert (reply.status, reply.json) == (400, {"detail": BAD_VIN})


@pytest.mark.parametrize("vin", ["A" * 64, "ã" * 64])
def test_row_4_takes_64_characters(env: ApiEnv, vin: str) -> None:
    assert env.call("POST", "/vehicle-command", body(vin=vin), signed(vin=vin)).status == 200


@pytest.mark.parametrize("command", ["enable_ignition", "disable_ignition"])
def test_a_vin_that_is_too_long_is_written_nowhere(env: ApiEnv, command: str) -> None:
    before = len(env.desk.posted), len(env.desk.refused)
    reply = env.call("POST", "/vehicle-command", body(command, "A" * 65), signed(command, "A" * 65))
    unsigned = env.call("POST", "/vehicle-command", body(command, "A" * 65), {"Authorization": "Bearer right"})
    assert [each.json for each in (reply, unsigned)] == [{"detail": BAD_VIN}] * 2
    assert (len(env.desk.posted), len(env.desk.refused)) == before


@pytest.mark.parametrize("command", [None, "", 7, False, [], {}])
def test_row_5_judges_the_command(env: ApiEnv, command: object) -> None:
    reply = env.call("POST", "/vehicle-command", body(command=command), signed())
    assert (reply.status, reply.json) == (400, {"detail": BAD_COMMAND})


def test_row_6a_an_application_without_sign_secret(env: ApiEnv) -> None:
    reply = env.call("POST", "/vehicle-command", body(), signed(token="unsigned"))
    assert (reply.status, reply.json) == (403, {"detail": "Sign-secret not found."})


@pytest.mark.parametrize(
    "value",
    ["", "0" * 64, signature(VIN, "start"), signature(VIN, "diagnostics")[:-1], signature(VIN, "diagnostics") + "0",
     signature(VIN, "diagnostics", "other"), "x" * 64, " ".join(["aa"] * 32), "\u0663" * 64],
)  # fmt: skip
def test_row_6b_a_wrong_signature(env: ApiEnv, value: str) -> None:
    headers = signed() | {"X-Signature": value.encode().decode("latin-1")}
    reply = env.call("POST", "/vehicle-command", body(), headers)
    assert (reply.status, reply.json) == (403, {"detail": "X-Signature invalid."})
    assert env.desk.posted == []


def test_row_6b_an_absent_signature(env: ApiEnv) -> None:
    reply = env.call("POST", "/vehicle-command", body(), {"Authorization": "Bearer right"})
    assert (reply.status, reply.detail) == (403, "X-Signature invalid.")


def test_the_first_row_that_fails_answers() -> None:
    """A request that fails every row, mended from the top, row by row."""
    wrong = {"Authorization": "none", "X-Signature": "none", "Idempotency-Key": "two words"}
    right = signed(**{"Idempotency-Key": "two words"})
    bearer, stranger = {"Authorization": right["Authorization"]}, {"Authorization": "Bearer stolen"}
    unsigned = {"Authorization": "Bearer unsigned"}
    steps = [
        (b"x" * 20000, wrong, 401, NO_BEARER),
        (b"x" * 20000, wrong | stranger, 401, BAD_BEARER),
        (b"x" * 20000, wrong | unsigned, 413, "Request body too large."),
        (b"x", wrong | unsigned, 400, "Request body is not valid JSON."),
        (b'{"vin":1,"command":2}', wrong | unsigned, 400, BAD_VIN),
        (b'{"vin":"A","command":2}', wrong | unsigned, 400, BAD_COMMAND),
        (body(), wrong | unsigned, 403, "Sign-secret not found."),
        (body(), wrong | bearer, 403, "X-Signature invalid."),
        (body(), signed(), 200, None),
        (body(), right, 429, "Too many requests."),
    ]
    with open_api(limits=LimitSettings(application_rate=1, application_burst=1)) as env:
        for sent, headers, status, detail in steps:
            reply = env.call("POST", "/vehicle-command", sent, headers)
            assert (reply.status, reply.json.get("detail")) == (status, detail)
        env.clock.advance(1)
        reply = env.call("POST", "/vehicle-command", body(), right)
        assert (reply.status, reply.detail) == (400, "Idempotency-Key must be 1 to 64 visible characters.")
        env.desk.failure = VinNotFound()
        env.clock.advance(1)
        reply = env.call("POST", "/vehicle-command", body(), signed())
        assert (reply.status, reply.json) == (404, {"detail": "VIN not found or unauthorized access."})


def test_a_right_request_reaches_the_desk_as_received(env: ApiEnv) -> None:
    vin = "vín-ã"
    headers = signed("start", vin)
    reply = env.call("POST", "/vehicle-command", body("start", vin, code="123456", unknown=1), headers)
    assert (reply.status, reply.json) == (200, env.desk.answer.body)
    assert reply.headers["content-type"] == "application/json"
    (request,) = env.desk.posted
    assert (request.company_id, request.application_id, request.grants) == ("company", "rental", frozenset({"*"}))
    assert (request.vin, request.command, request.code) == (vin, "start", "123456")
    assert (request.idempotency_key, request.request_hash) == (None, "")


@pytest.mark.parametrize("code", [None, 123456, ["1"], {"a": 1}, "", True])
def test_code_is_passed_on_whatever_it_is(env: ApiEnv, code: object) -> None:
    assert env.call("POST", "/vehicle-command", body(code=code), signed()).status == 200
    assert env.desk.posted[0].code == code


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 65, "\u00e9", "a\tb"])
def test_an_idempotency_key_is_1_to_64_visible_characters(env: ApiEnv, key: str) -> None:
    reply = env.call("POST", "/vehicle-command", body(), signed(**{"Idempotency-Key": key}))
    assert (reply.status, reply.detail) == (400, "Idempotency-Key must be 1 to 64 visible characters.")


def test_the_request_hash_tells_different_requests_apart(env: ApiEnv) -> None:
    def hashed(command: str = "start", code: object = None, **headers: str) -> str:
        key = {"Idempotency-Key": "~" * 64}
        sent = signed(command) | key | {name.replace("_", "-"): value for name, value in headers.items()}
        assert env.call("POST", "/vehicle-command", body(command, code=code), sent).status == 200
        assert env.desk.posted[-1].idempotency_key == "~" * 64
        return env.desk.posted[-1].request_hash

    different = [
        hashed(), hashed("alert"), hashed(code="123456"), hashed(code=123456), hashed(X_Reason="theft"),
        hashed(X_Case="theft"), hashed(X_Reason="theft", X_Case="7"), hashed(X_Reason="theft7"),
    ]  # fmt: skip
    assert len(set(different)) == len(different)
    assert hashed() == different[0]
    assert all(len(digest) == 64 for digest in different)


def test_a_refused_ignition_attempt_is_written_down(env: ApiEnv) -> None:
    wrong = {"X-Signature": "0" * 64}
    env.call("POST", "/vehicle-command", body("disable_ignition", "A\x00B"), signed() | wrong)
    env.call("POST", "/vehicle-command", body("enable_ignition"), signed(token="unsigned"))
    env.call("POST", "/vehicle-command", body("start"), signed() | wrong)
    assert env.desk.refused == [
        ("rental", "A\ufffdB", "disable_ignition", "X-Signature invalid."),
        ("unsigned", VIN, "enable_ignition", "Sign-secret not found."),
    ]


def test_the_bench_route_checks_as_the_post_does() -> None:
    with open_api(bench=True) as env:
        assert env.call("POST", "/bench/noop", body(), signed()).json == {"status": "ok"}
        assert env.call("POST", "/bench/noop", body(), {"Authorization": "Bearer right"}).status == 403
        assert env.call("POST", "/bench/noop", body("start"), signed()).status == 403
        assert env.desk.posted == []


def test_the_bench_route_exists_only_on_request(env: ApiEnv) -> None:
    assert env.call("POST", "/bench/noop", body(), signed()).status == 404
