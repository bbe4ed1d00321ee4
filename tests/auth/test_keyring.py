"""Keys seal, digest and sign, and nothing of them is ever printed."""

import base64
import json

import jwt
import pytest

from keyturn.auth.keyfile import JwtKey, Keys
from keyturn.auth.keyring import Keyring, SealBroken
from keyturn.clock import SECOND

NOW = 1_700_000_000 * SECOND
OLD_KEY = JwtKey("old", "cc" * 32)
NEW_KEY = JwtKey("new", "dd" * 32)
KEYS = Keys("aa" * 32, "bb" * 32, (OLD_KEY,))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(KEYS)


def test_what_was_sealed_is_unsealed_for_its_owner_only(keyring: Keyring) -> None:
    sealed = keyring.seal(b"secret", "application-1")

    assert keyring.unseal(sealed, "application-1") == b"secret"
    with pytest.raises(SealBroken):
        keyring.unseal(sealed, "application-2")


def test_the_same_text_is_never_sealed_alike(keyring: Keyring) -> None:
    assert keyring.seal(b"secret", "a") != keyring.seal(b"secret", "a")


def test_a_changed_or_cut_or_foreign_seal_is_broken(keyring: Keyring) -> None:
    sealed = keyring.seal(b"secret", "a")
    foreign = Keyring(Keys("ee" * 32, "bb" * 32, (OLD_KEY,))).seal(b"secret", "a")
    changed = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    cut = [sealed[:i] for i in range(len(sealed))]

    for wrong in [*changed, *cut, foreign]:
        with pytest.raises(SealBroken):
            keyring.unseal(wrong, "a")


def test_a_digest_depends_on_the_text_and_on_the_pepper(keyring: Keyring) -> None:
    other = Keyring(Keys("aa" * 32, "ee" * 32, (OLD_KEY,)))

    assert keyring.digest("código") == keyring.digest("código")
    assert keyring.digest("a") != keyring.digest("b")
    assert keyring.digest("a") != other.digest("a")


def test_a_token_is_good_until_its_last_second(keyring: Keyring) -> None:
    token = keyring.issue_token("application-1", 3, NOW, 60)
    claims = keyring.verify_token(token, NOW + 60 * SECOND - 1)

    assert claims is not None
    assert (claims.application_id, claims.secret_version) == ("application-1", 3)
    assert keyring.verify_token(token, NOW + 60 * SECOND) is None


def test_during_a_rotation_both_keys_are_good_and_the_first_signs() -> None:
    before, during = Keyring(KEYS), Keyring(Keys("aa" * 32, "bb" * 32, (NEW_KEY, OLD_KEY)))
    after = Keyring(Keys("aa" * 32, "bb" * 32, (NEW_KEY,)))
    old_token, new_token = (keyring.issue_token("a", 1, NOW, 60) for keyring in (before, during))

    assert jwt.get_unverified_header(new_token)["kid"] == "new"
    assert during.verify_token(old_token, NOW) is not None
    assert after.verify_token(new_token, NOW) is not None
    assert after.verify_token(old_token, NOW) is None


def forged(claims: dict[str, object], key: str = OLD_KEY.secret, **header: object) -> str:
    return jwt.encode(claims, bytes.fromhex(key), algorithm="HS256", headers={"kid": "old"} | header)


CLAIMS: dict[str, object] = {"sub": "a", "ver": 1, "exp": NOW // SECOND + 60}


def test_a_token_made_by_hand_under_the_key_is_the_control_of_the_forgeries(keyring: Keyring) -> None:
    assert keyring.verify_token(forged(CLAIMS), NOW) is not None


@pytest.mark.parametrize("claim", ["sub", "ver", "exp"])
def test_a_token_without_a_claim_is_refused(keyring: Keyring, claim: str) -> None:
    assert keyring.verify_token(forged({k: v for k, v in CLAIMS.items() if k != claim}), NOW) is None


def test_forged_tokens_are_refused(keyring: Keyring) -> None:
    unsigned = jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "old"})
    long_key = bytes.fromhex(OLD_KEY.secret) * 2
    forgeries = {
        "another key": forged(CLAIMS, NEW_KEY.secret),
        "unknown kid": forged(CLAIMS, kid="new"),
        "no kid": jwt.encode(CLAIMS, bytes.fromhex(OLD_KEY.secret), algorithm="HS256"),
        "no signature": unsigned,
        "another algorithm": jwt.encode(CLAIMS, long_key, algorithm="HS512", headers={"kid": "old"}),
    }

    assert {name for name, token in forgeries.items() if keyring.verify_token(token, NOW)} == set()


@pytest.mark.parametrize(
    "header", [b"[" * 12000, b"{}", b"[]", b"\xff", b'{"alg":"HS256","kid":["old"]}', b'{"alg":{},"kid":"old"}']
)
def test_rubbish_is_refused_without_an_error(keyring: Keyring, header: bytes) -> None:
    head = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    payload = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).rstrip(b"=").decode()

    assert keyring.verify_token(f"{head}.{payload}.AAAA", NOW) is None


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "....", "x" * 5000])
def test_text_that_is_no_token_is_refused_without_an_error(keyring: Keyring, text: str) -> None:
    assert keyring.verify_token(text, NOW) is None


def test_no_key_is_ever_printed(keyring: Keyring) -> None:
    printed = f"{keyring!r} {keyring} {KEYS!r} {KEYS} {OLD_KEY!r} {keyring.fingerprint()}"

    assert not any(key in printed for key in (KEYS.master_key, KEYS.pepper, OLD_KEY.secret))


def test_the_fingerprint_follows_the_keys_that_data_is_bound_to() -> None:
    fingerprint = Keyring(KEYS).fingerprint()

    assert Keyring(Keys("aa" * 32, "bb" * 32, (NEW_KEY,))).fingerprint() == fingerprint
    assert Keyring(Keys("ee" * 32, "bb" * 32, (OLD_KEY,))).fingerprint() != fingerprint
    assert Keyring(Keys("aa" * 32, "ee" * 32, (OLD_KEY,))).fingerprint() != fingerprint
