import base64
import hashlib
import hmac
import json

import pytest

from keyturn.cli.commands.signature_diagnosis import diagnose
from keyturn.cli.root import run
from keyturn_client.signing import message

SECRET = "YOUR_SIGN_SECRET_PROVIDED_BY_MOBWAY"
VIN = "6AHFT68CKAF501652"
RIGHT = "4077e5ef4f457df8905be26389d8a29bcba490bae29f232ca1706160cdc8b406"
NOTHING_FOUND = "check all three"


def test_prints_what_is_signed_and_its_signature(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sign", VIN, "diagnostics", "--secret", SECRET]) == 0
    assert capsys.readouterr().out == f'{{"command":"diagnostics","vin":"{VIN}"}}\n{RIGHT}\n'


def test_takes_the_secret_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEYTURN_SIGN_SECRET", SECRET)
    assert run(["sign", VIN, "diagnostics", "--json"]) == 0
    signed = {"message": f'{{"command":"diagnostics","vin":"{VIN}"}}', "signature": RIGHT}
    assert json.loads(capsys.readouterr().out) == signed


def test_a_secret_may_begin_with_a_hyphen(capsys: pytest.CaptureFixture[str]) -> None:
    """One in 64 that Keyturn makes does."""
    assert run(["sign", VIN, "diagnostics", "--secret", "-k3y"]) == 0
    assert capsys.readouterr().out.endswith(f"{_digest(message(VIN, 'diagnostics'), b'-k3y')}\n")


@pytest.mark.parametrize("signature", [RIGHT, RIGHT.upper()])
def test_a_right_signature_passes_the_check(signature: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sign", VIN, "diagnostics", "--secret", SECRET, "--check", signature]) == 0
    assert capsys.readouterr().err == ""


def test_a_wrong_signature_ends_with_1_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = _digest(json.dumps({"vin": VIN, "command": "start"}))
    assert run(["sign", VIN, "start", "--secret", SECRET, "--check", wrong]) == 1
    assert "does not match. The keys were not sorted, and there were blanks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"command": "start", "vin": "vín"}', NOTHING_FOUND),
        ('{"command": "start", "vin": "v\\u00edn"}', "blanks after ':'"),
        ('{"vin":"v\\u00edn","command":"start"}', "not sorted"),
        ('{"vin": "v\\u00edn", "command": "start"}', "not sorted, and there were blanks"),
        ('{"command":"start","vin":"vín"}', "beyond ASCII must be escaped"),
        ('{"command":"start","vin":"v\\u00edn"}\n', "ended with a line break"),
        ('{"code":null,"command":"start","vin":"v\\u00edn"}', "code was signed too"),
        ('{"command":"start","vin":"V\\u00cdN"}', "in capitals"),
        ('{"command":"start","vin":"v\\u00EDn"}', "digits of an escape were capitals"),
        ('{"command":"start","vin":"vi\\u0301n"}', "form NFD and is sent in NFC"),
        ("vín", "Only the VIN"),
        ("vínstart", "without the JSON"),
    ],
)
def test_names_what_is_wrong_with_the_message(text: str, said: str) -> None:
    assert said in (diagnose(_digest(text), SECRET, "vín", "start") or "it matched")


@pytest.mark.parametrize(
    ("secret", "key", "said"),
    [
        ("secret", b"secret\n", "line break at its end"),
        (" secret", b"secret", "without its blanks"),
        ("abcd", bytes.fromhex("abcd"), "decoded from hex"),
        ("c2VjcmV0", b"secret", "decoded from base64"),
        ("secret", b"another", NOTHING_FOUND),
    ],
)
def test_names_what_is_wrong_with_the_secret(secret: str, key: bytes, said: str) -> None:
    message = f'{{"command":"diagnostics","vin":"{VIN}"}}'
    assert said in (diagnose(_digest(message, key), secret, VIN, "diagnostics") or "it matched")


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        (base64.b64encode(bytes.fromhex(RIGHT)).decode(), "base64"),
        (base64.urlsafe_b64encode(bytes.fromhex(RIGHT)).decode().rstrip("="), "base64"),
        (f" {RIGHT}", "blanks around"),
        (f"sha256={RIGHT}", "without 'sha256='"),
        (RIGHT[:-1], "this is 63 characters"),
        ("", "this is 0 characters"),
        (hashlib.sha256(f'{{"command":"diagnostics","vin":"{VIN}"}}{SECRET}'.encode()).hexdigest(), "plain SHA-256"),
    ],
)
def test_names_what_is_wrong_with_the_digest(signature: str, said: str) -> None:
    assert said in (diagnose(signature, SECRET, VIN, "diagnostics") or "it matched")


@pytest.mark.parametrize(
    "text",
    [
        '{{"code":"012345","command":"{0}","vin":"{1}"}}',
        '{{"code":12345,"command":"{0}","vin":"{1}"}}',
        '{{"vin":"{1}","command":"{0}","code":"007654"}}',
        '{{"vin": "{1}", "command": "{0}", "code": "000001"}}',
    ],
)
def test_names_a_code_that_was_signed_too(text: str) -> None:
    """Whichever it was: who asks has rarely kept it."""
    signature = _digest(text.format("disable_ignition", VIN))
    assert "code was signed too" in (diagnose(signature, SECRET, VIN, "disable_ignition") or "it matched")


def test_a_code_that_is_known_is_tried_alone() -> None:
    text = f'{{"code":"012345","command":"disable_ignition","vin":"{VIN}"}}'
    assert "code was signed" in (diagnose(_digest(text), SECRET, VIN, "disable_ignition", code="012345") or "")
    assert NOTHING_FOUND in (diagnose(_digest(text), SECRET, VIN, "disable_ignition", code="543210") or "")
    assert NOTHING_FOUND in (diagnose(_digest(text), SECRET, VIN, "start") or "")


@pytest.mark.parametrize(
    ("option", "variable", "named"),
    [
        ("--client-secret", "KEYTURN_CLIENT_SECRET", "client secret"),
        ("--client-id", "KEYTURN_CLIENT_ID", "client id"),
        ("--token", "KEYTURN_TOKEN", "token"),
    ],
)
def test_names_another_secret_that_was_taken_for_the_key(
    option: str,
    variable: str,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = _digest(message(VIN, "start"), b"-other")
    assert run(["sign", VIN, "start", "--secret", SECRET, "--check", wrong, f"{option}=-other"]) == 1
    said = capsys.readouterr().err
    assert f"The {named} was used as the key" in said
    assert "-other" not in said
    monkeypatch.setenv(variable, "-other")
    assert run(["sign", VIN, "start", "--secret", SECRET, "--check", wrong]) == 1
    assert f"The {named} was used as the key" in capsys.readouterr().err


def test_names_key_and_message_that_changed_places() -> None:
    swapped = _digest(SECRET, message(VIN, "start").encode())
    assert "swapped" in (diagnose(swapped, SECRET, VIN, "start") or "it matched")


def test_a_vin_that_is_sent_decomposed_is_signed_decomposed() -> None:
    decomposed = "vi\u0301n"
    signature = _digest(message("v\u00edn", "start"))
    assert "form NFC and is sent in NFD" in (diagnose(signature, SECRET, decomposed, "start") or "it matched")


def _digest(text: str, key: bytes = SECRET.encode()) -> str:
    return hmac.new(key, text.encode(), "sha256").hexdigest()
