"""Signing, version 2, over HTTP: what a signature must cover and contain, and that nothing else is accepted."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest

from keyturn.auth.principal import Principal
from keyturn.config.settings import LimitSettings
from tests.api.caller import Reply
from tests.support.api_env import SECRET, VIN, ApiEnv, body, open_api, signature
from tests.support.http_message import COVERED, HttpMessage, content_digest, drafted, inner_list, parameters

CLIENT_ID = "rental-client"
OPTIONAL = ("x-reason", "x-case", "idempotency-key")


@pytest.fixture
def env() -> Iterator[ApiEnv]:
    """Token ``right`` may sign with either version, ``strict`` must with version 2."""
    with open_api(limits=LimitSettings(failed_attempts_per_minute=1000)) as opened:
        enrol(opened)
        yield opened


def enrol(env: ApiEnv) -> None:
    grants, secrets = frozenset({"*"}), (b"an older one", SECRET.encode())
    env.directory.principals["right"] = Principal("rental", "company", grants, secrets, CLIENT_ID)
    env.directory.principals["strict"] = Principal("rental", "company", grants, secrets, CLIENT_ID, "v2")


def draft(env: ApiEnv, *more: tuple[str, str], command: str = "diagnostics", token: str = "right") -> HttpMessage:
    return drafted(f"127.0.0.1:{env.port}", token, body(command), *more)


def signed(env: ApiEnv, *more: tuple[str, str], token: str = "right") -> HttpMessage:
    names = tuple(name.lower() for name, _ in more if name.lower() in OPTIONAL)
    return draft(env, *more, token=token).signed(SECRET, parameters(CLIENT_ID), COVERED + names)


def sent(env: ApiEnv, message: HttpMessage) -> Reply:
    (reply,) = env.call.raw(message.wire())
    return reply


def refused(env: ApiEnv, message: HttpMessage) -> bool:
    reply = sent(env, message)
    return (reply.status, reply.json) == (403, {"detail": "X-Signature invalid."}) and not env.desk.posted


def test_a_right_signature_hands_its_nonce_to_the_desk(env: ApiEnv) -> None:
    message = draft(env).signed(SECRET, parameters(CLIENT_ID, created=1_700_000_000, nonce="n-1"))
    assert sent(env, message).status == 200
    (request,) = env.desk.posted
    nonce = request.nonce
    assert nonce is not None
    assert (nonce.application_id, nonce.value, nonce.created_at) == ("rental", "n-1", 1_700_000_000_000_000)


def test_either_active_sign_secret_signs(env: ApiEnv) -> None:
    assert sent(env, draft(env).signed("an older one", parameters(CLIENT_ID))).status == 200
    env.desk.posted.clear()
    assert refused(env, draft(env).signed("another", parameters(CLIENT_ID)))


def test_the_order_of_components_and_parameters_is_the_client_s(env: ApiEnv) -> None:
    backwards = ';alg="hmac-sha256";keyid="rental-client";nonce="backwards";created=1700000000'
    assert sent(env, draft(env).signed(SECRET, backwards, COVERED[::-1], label="any.label*-1_")).status == 200


@pytest.mark.parametrize("name", COVERED)
def test_a_component_that_is_not_covered_is_refused(env: ApiEnv, name: str) -> None:
    covered = [each for each in COVERED if each != name]
    assert refused(env, draft(env).signed(SECRET, parameters(CLIENT_ID), covered))


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_field_that_is_present_must_be_covered_and_an_absent_one_must_not(env: ApiEnv, name: str) -> None:
    assert sent(env, signed(env, (name, "4711"))).status == 200
    env.desk.posted.clear()
    assert refused(env, draft(env, (name, "4711")).signed(SECRET, parameters(CLIENT_ID)))
    assert refused(env, draft(env).signed(SECRET, parameters(CLIENT_ID), (*COVERED, name)))
    assert refused(env, signed(env).having((name, "4711")))
    assert refused(env, signed(env, (name, "4711")).without(name))
    assert refused(env, signed(env, (name, "4711")).changed(name, "4711", "4712"))


@pytest.mark.parametrize("name", ["@query", "@target-uri", "@scheme", "content-type", "x-signature", "signature"])
def test_signature_covers_no_other_component(env: ApiEnv, name: str) -> None:
    message = draft(env, ("Content-Type", "application/json"))
    assert refused(env, message.signed(SECRET, parameters(CLIENT_ID), (*COVERED, name)))


@pytest.mark.parametrize("name", COVERED)
def test_a_component_that_is_covered_twice_is_refused(env: ApiEnv, name: str) -> None:
    assert refused(env, draft(env).signed(SECRET, parameters(CLIENT_ID), (*COVERED, name)))


def test_signed_component_must_be_the_one_that_was_sent(env: ApiEnv) -> None:
    right = signed(env)
    other_body = body("disable_ignition")
    assert refused(env, replace(right, authority="gateway.example"))
    assert refused(env, replace(right, path="/vehicle-command/"))
    assert refused(env, replace(right, body=other_body))
    assert refused(env, replace(right, body=other_body).without("content-digest"))
    assert refused(
        env,
        replace(right, body=other_body)
        .without("content-digest")
        .having(("Content-Digest", content_digest(other_body))),
    )
    for_another_method = replace(draft(env), method="PUT").signed(SECRET, parameters(CLIENT_ID))
    assert refused(env, replace(for_another_method, method="POST"))
    env.directory.principals["another"] = env.directory.principals["right"]
    assert refused(env, right.changed("authorization", "right", "another"))
    assert sent(env, right).status == 200


def test_components_that_change_places_after_signing_are_refused(env: ApiEnv) -> None:
    moved = inner_list(("@authority", "@method", *COVERED[2:]))
    assert refused(env, signed(env).changed("signature-input", inner_list(COVERED), moved))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'keyid="{CLIENT_ID}"', 'keyid="workshop-client"'),
        (f'keyid="{CLIENT_ID}"', 'keyid=""'),
        ('alg="hmac-sha256"', 'alg="hmac-sha512"'),
        ('alg="hmac-sha256"', 'alg="none"'),
        ('nonce="n"', 'nonce=""'),
        ('nonce="n"', f'nonce="{"n" * 65}"'),
        ('nonce="n"', 'nonce="n n"'),
        ('nonce="n"', "nonce=1"),
        (";created=1", ';created="1"'),
        (";created=1", ";created=1.5"),
        (";created=1", ";created=1234567890123456"),
        (";created=1", ";created=1;created=1"),
        (";created=1", ";created=1;expires=2"),
        (";created=1", ';created=1;tag="x"'),
        (";created=1", ""),
        (';nonce="n"', ""),
        (f';keyid="{CLIENT_ID}"', ""),
        (';alg="hmac-sha256"', ""),
    ],
)
def test_a_signature_with_other_parameters_is_refused(env: ApiEnv, old: str, new: str) -> None:
    usual = parameters(CLIENT_ID, created=1, nonce="n")
    assert old in usual
    assert sent(env, draft(env).signed(SECRET, usual)).status == 200
    env.desk.posted.clear()
    assert refused(env, draft(env).signed(SECRET, usual.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"@method"', '"@method" "@method"'),
        ('"@method"', '"@method";req'),
        ('"authorization"', '"authorization";bs'),
        ('"@method"', '"@METHOD"'),
        ('"@method"', "@method"),
        ('"@method" ', '"@method"'),
        ("sig1=(", "("),
        ("sig1=(", "SIG1=("),
        ("sig1=(", "sig2=("),
        ("sig1=(", "sig1=(("),
        ("sig1=(", "sig1 = ("),
        (")", ""),
        (";created", ";;created"),
        ('alg="hmac-sha256"', 'alg="hmac-sha256'),
        ('alg="hmac-sha256"', 'alg="hmac-sha256", sig2=("@method");created=1'),
        ('alg="hmac-sha256"', "alg=hmac-sha256"),
        ('alg="hmac-sha256"', 'alg="hmac-\\sha256"'),
    ],
)
def test_a_malformed_signature_input_is_refused(env: ApiEnv, old: str, new: str) -> None:
    assert refused(env, signed(env).changed("signature-input", old, new))


@pytest.mark.parametrize(
    "broken", ["", "sig1", "sig1=::", "sig1=:AAAA", "sig1=:A:", "sig1=:é:", "sig1=?1", 'sig1="AAAA"']
)
def test_a_malformed_signature_is_refused(env: ApiEnv, broken: str) -> None:
    assert refused(env, signed(env).without("signature").having(("Signature", broken)))


def test_request_has_exactly_one_signature(env: ApiEnv) -> None:
    right = signed(env)
    value, given = right.value("signature"), right.value("signature-input")
    assert refused(env, right.without("signature"))
    assert refused(env, right.changed("signature", "sig1", "sig2"))
    assert refused(env, right.changed("signature", value, f"{value}, sig2=:AAAA:"))
    assert refused(env, right.changed("signature", value, f"{value}, {value}"))
    assert refused(env, right.changed("signature-input", given, f"{given}, {given.replace('sig1', 'sig2')}"))
    assert refused(env, right.having(("Signature", value)))
    assert refused(env, right.having(("Signature-Input", given)))
    assert sent(env, right).status == 200


@pytest.mark.parametrize("name", ["authorization", "content-digest", "x-reason", "host"])
def test_a_covered_field_that_comes_twice_is_refused(env: ApiEnv, name: str) -> None:
    message = draft(env, ("X-Reason", "arrears"))
    value = message.authority if name == "host" else message.value(name)
    twice = message.having((name, value)).signed(SECRET, parameters(CLIENT_ID), (*COVERED, "x-reason"))
    assert sent(env, twice).status in {400, 401, 403}
    assert not env.desk.posted


def test_a_covered_field_beyond_ascii_is_refused(env: ApiEnv) -> None:
    assert refused(env, signed(env, ("X-Reason", "arrears")).changed("x-reason", "arrears", "não pagou"))


def digested(env: ApiEnv, value: str) -> HttpMessage:
    message = draft(env).without("content-digest").having(("Content-Digest", value))
    return message.signed(SECRET, parameters(CLIENT_ID))


def test_digests_of_every_known_algorithm_must_be_the_body_s(env: ApiEnv) -> None:
    right, strong = content_digest(body()), content_digest(body(), "sha-512")
    wrong = content_digest(b"another body")
    for value in (right, strong, f"{right}, {strong}", f"md5=:AAAA:,{right}"):
        assert sent(env, digested(env, value)).status == 200
    env.desk.posted.clear()
    half = right.replace("sha-256", "sha-512")
    empty, bare = "sha-256=::", base64.b64encode(b"x" * 32).decode()
    for value in (wrong, f"{wrong}, {strong}", f"{wrong}, {right}", half, "md5=:AAAA:", empty, f"sha-256={bare}", ""):
        assert refused(env, digested(env, value)), value


def test_the_host_is_compared_in_lower_case_and_without_the_default_port(env: ApiEnv) -> None:
    for host in ("Gateway.Example", "gateway.example:80"):
        message = replace(draft(env), authority="gateway.example").signed(SECRET, parameters(CLIENT_ID))
        assert sent(env, replace(message, authority=host)).status == 200
    env.desk.posted.clear()
    other_port = replace(draft(env), authority="gateway.example").signed(SECRET, parameters(CLIENT_ID))
    assert refused(env, replace(other_port, authority="gateway.example:8080"))


def test_a_wrong_signature_input_is_not_made_good_by_an_x_signature(env: ApiEnv) -> None:
    first = ("X-Signature", signature(VIN, "diagnostics"))
    assert sent(env, draft(env, first)).status == 200
    env.desk.posted.clear()
    assert refused(env, draft(env, first, ("Signature-Input", "")))
    assert refused(env, draft(env, first).signed("another", parameters(CLIENT_ID)))


def test_where_version_2_is_mandatory_an_x_signature_alone_is_refused(env: ApiEnv) -> None:
    first = ("X-Signature", signature(VIN, "diagnostics"))
    assert refused(env, draft(env, first, token="strict"))
    assert refused(env, draft(env, token="strict"))
    assert sent(env, signed(env, token="strict")).status == 200


def test_a_refused_ignition_attempt_is_written_down(env: ApiEnv) -> None:
    message = draft(env, command="disable_ignition").signed("another", parameters(CLIENT_ID))
    assert refused(env, message)
    assert env.desk.refused == [("rental", VIN, "disable_ignition", "X-Signature invalid.")]


def test_failed_signatures_are_limited() -> None:
    with open_api(limits=LimitSettings(failed_attempts_per_minute=3)) as env:
        enrol(env)
        wrong = draft(env, command="disable_ignition").signed("another", parameters(CLIENT_ID))
        heard = [sent(env, wrong) for _ in range(5)]
        assert [reply.status for reply in heard] == [403, 403, 403, 429, 429]
        assert heard[-1].headers["retry-after"] == "60"
        assert len(env.desk.refused) == 3
