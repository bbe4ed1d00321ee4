"""The digest of a signature, version 1, is HMAC-SHA256 (RFC 2104), whatever the secret's length."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.api.signatures.verification import is_signed, message


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_a_signature_is_the_hmac_of_the_message(secret: bytes, vin: str, command: str) -> None:
    signature = hmac.new(secret, message(vin, command), "sha256").hexdigest()

    assert is_signed(signature, vin, command, [b"another", secret])
    assert not is_signed(signature, vin + "x", command, [secret])


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_every_length_of_a_secret(length: int) -> None:
    secret = bytes(range(length))

    assert is_signed(hmac.new(secret, message("v", "c"), "sha256").hexdigest(), "v", "c", [secret])
