import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.api.signatures.verification import is_signed, message
from keyturn.auth.principal import Principal
from tests.support.api_env import VIN, ApiEnv, body, signature, signed

SEED_SECRET = b"YOUR_SIGN_SECRET_PROVIDED_BY_MOBWAY"
VECTORS = [
    ("6AHFT68CKAF501652", "diagnostics", "4077e5ef4f457df8905be26389d8a29bcba490bae29f232ca1706160cdc8b406"),
    ("6AHFT68CKAF501652", "disable_ignition", "321c9fce42e2888e049ccc5b3063a3a923c756ecdb8e991d04a04afdd6c07d29"),
    ("VÍN-ã", "start", "feb79778ba410b41d1995930ee462c73183f64c8b3a0b19bcb67eadcd1b5306b"),
]

any_text = st.text(st.characters(), max_size=40)


@pytest.mark.parametrize(("vin", "command", "digest"), VECTORS)
def test_the_published_vectors(vin: str, command: str, digest: str) -> None:
    assert is_signed(digest, vin, command, [SEED_SECRET])
    assert is_signed(digest.upper(), vin, command, [SEED_SECRET])
    assert not is_signed(digest, vin + " ", command, [SEED_SECRET])
    assert not is_signed(digest, vin, command, [SEED_SECRET + b" "])


@pytest.mark.parametrize(("vin", "command", "digest"), VECTORS)
def test_the_vectors_are_served(env: ApiEnv, vin: str, command: str, digest: str) -> None:
    env.directory.principals["seed"] = Principal("seed", "company", frozenset(), (SEED_SECRET,))
    headers = {"Authorization": "Bearer seed", "X-Signature": digest}
    assert env.call("POST", "/vehicle-command", body(command, vin), headers).status == 200


@given(any_text, any_text)
def test_the_message_is_what_json_dumps_says(vin: str, command: str) -> None:
    expected = json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)
    assert message(vin, command) == expected.encode()


def test_either_of_two_secrets_is_accepted_during_a_rotation() -> None:
    secrets = [b"old", b"new"]
    for secret in secrets:
        digest = hmac.new(secret, message("A", "start"), hashlib.sha256).hexdigest()
        assert is_signed(digest, "A", "start", secrets)
    assert not is_signed(hmac.new(b"older", message("A", "start"), hashlib.sha256).hexdigest(), "A", "start", secrets)


@pytest.mark.parametrize(
    "sent",
    [
        '{"command":"start","vin":"%s"}',
        '{ "vin" : "%s" ,\n "other": [1, {"vin": "x"}], "command" : "st\\u0061rt", "code": "123456" }',
    ],
)
def test_only_the_values_of_vin_and_command_are_signed(env: ApiEnv, sent: str) -> None:
    reply = env.call("POST", "/vehicle-command", (sent % VIN).encode(), signed("start"))
    assert reply.status == 200


def test_the_signature_is_over_the_values_as_received(env: ApiEnv) -> None:
    lower = VIN.lower()
    assert env.call("POST", "/vehicle-command", body("start", lower), signed("start", lower)).status == 200
    assert env.call("POST", "/vehicle-command", body("start", lower), signed("start", VIN)).status == 403


def test_escaped_and_plain_text_sign_alike(env: ApiEnv) -> None:
    sent = '{"vin":"VÍN-\\u00e3","command":"start"}'.encode()
    headers = signed() | {"X-Signature": signature("VÍN-ã", "start")}
    assert env.call("POST", "/vehicle-command", sent, headers).status == 200
