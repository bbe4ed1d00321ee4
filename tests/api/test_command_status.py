"""`GET /vehicle-command/{command_id}`."""

import pytest

from tests.support.api_env import COMMAND_ID, RECORD, ApiEnv

PATH = f"/vehicle-command/{COMMAND_ID}"
UNKNOWN = {"detail": "Command not found or unauthorized access."}


def test_the_record_is_shown(env: ApiEnv) -> None:
    reply = env.call.get(PATH)
    assert (reply.status, reply.json) == (200, RECORD)
    assert env.desk.asked == [("company", COMMAND_ID, 0.0)]


def test_an_id_is_case_insensitive(env: ApiEnv) -> None:
    assert env.call.get(f"/vehicle-command/{COMMAND_ID.upper()}").json == RECORD


@pytest.mark.parametrize(
    "command_id",
    ["0198b2df-1d68-7000-8760-cf36f06d00b6", "7", "none", "%00", "%2F", "..%2f..%2fetc", COMMAND_ID + "%0A", "%ff",
     COMMAND_ID.replace("-", ""), "{" + COMMAND_ID + "}", "a" * 5000, "'%20or%201=1", "%F0%9F%9A%97", "%", "%zz"],
)  # fmt: skip
def test_an_unknown_id_is_not_found(env: ApiEnv, command_id: str) -> None:
    reply = env.call.get(f"/vehicle-command/{command_id}")
    assert (reply.status, reply.json) == (404, UNKNOWN)


def test_another_companys_command_is_not_found(env: ApiEnv) -> None:
    env.desk.records = {("another", COMMAND_ID): RECORD}
    assert env.call.get(PATH).json == UNKNOWN


@pytest.mark.parametrize(
    ("query", "seconds"), [("wait=0", 0), ("wait=30", 30), ("wait=007", 7), ("a=b&wait=1&c", 1), ("", 0)]
)
def test_wait_is_passed_on(env: ApiEnv, query: str, seconds: int) -> None:
    assert env.call.get(f"{PATH}?{query}").status == 200
    assert env.desk.asked == [("company", COMMAND_ID, float(seconds))]


@pytest.mark.parametrize(
    "query",
    ["wait=", "wait", "wait=31", "wait=-1", "wait=1.0", "wait=+1", "wait=1e1", "wait=%D9%A3", "wait=1&wait=1",
     "wait=1%0A", "wait=" + "0" * 5000 + "31", "wait=" + "9" * 5000, "wait=0x1", "wait=1_0", "wait=%201"],
)  # fmt: skip
def test_a_wrong_wait_is_refused(env: ApiEnv, query: str) -> None:
    reply = env.call.get(f"{PATH}?{query}")
    assert (reply.status, reply.json) == (400, {"detail": "wait must be an integer from 0 to 30."})
    assert env.desk.asked == []


def test_the_bearer_is_judged_before_wait_and_wait_before_the_id(env: ApiEnv) -> None:
    assert env.call("GET", "/vehicle-command/none?wait=x").status == 401
    assert env.call.get("/vehicle-command/none?wait=x").status == 400


def test_the_etag_follows_the_body(env: ApiEnv) -> None:
    first = env.call.get(PATH).headers["etag"]
    assert first.startswith('"')
    assert env.call.get(PATH).headers["etag"] == first
    env.desk.records = {("company", COMMAND_ID): RECORD | {"status": "Success"}}
    assert env.call.get(PATH).headers["etag"] != first


@pytest.mark.parametrize("form", ["{0}", "W/{0}", '"other", {0}', '"a,b" , W/{0}', "*", '{0}, "c"', " * "])
def test_a_known_body_is_not_sent_again(env: ApiEnv, form: str) -> None:
    tag = env.call.get(PATH).headers["etag"]
    reply = env.call.get(PATH, If_None_Match=form.format(tag))
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
    assert "content-type" not in reply.headers


@pytest.mark.parametrize("form", ['"other"', "other", '""', "W/", '"', "", "x*", '"*"', "{0}x"])
def test_an_unknown_tag_gets_the_body(env: ApiEnv, form: str) -> None:
    tag = env.call.get(PATH).headers["etag"].strip('"')
    assert env.call.get(PATH, If_None_Match=form.format(tag)).json == RECORD


def test_head_says_what_get_says_without_a_body(env: ApiEnv) -> None:
    got = env.call.get(PATH)
    headers = {"Authorization": "Bearer right"}
    head = env.call("HEAD", PATH, headers=headers)
    assert (head.status, head.body) == (200, b"")
    differing = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in differing} == {
        k: v for k, v in got.headers.items() if k not in differing
    }
    assert env.call("HEAD", PATH, headers=headers | {"If-None-Match": got.headers["etag"]}).status == 304
    assert env.call("HEAD", "/vehicle-command/none", headers=headers).status == 404
