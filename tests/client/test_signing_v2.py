"""The client signs with version 2 when asked, each request anew."""

import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from keyturn_client import KeyturnClient, KeyturnError, MessageSignature, Token, signature_headers
from tests.support.http_message import COVERED, HttpMessage

from ..cli.processes import Demo, keyturn

PARKED, SECOND_VIN = "9KTPARKED00000001", "9KT0THER000000025"


@pytest.fixture
def client(demo: Demo) -> Iterator[KeyturnClient]:
    yield from opened(demo, 0)


@pytest.fixture
def strict(demo: Demo) -> Iterator[KeyturnClient]:
    """The second company's, which must sign with version 2 from now on."""
    company = demo.told["companies"][1]
    words = ("application", "set", company["client_id"], "--company", company["name"], "--signing", "v2", "--json")
    done = keyturn(*words, "--data", demo.data)
    assert json.loads(done.stdout)["signing"] == "v2", done.stderr
    yield from opened(demo, 1)


def opened(demo: Demo, number: int) -> Iterator[KeyturnClient]:
    company = demo.told["companies"][number]
    credentials = (company["client_id"], company["client_secret"], company["sign_secret"])
    with KeyturnClient(demo.told["url"], *credentials, signing="v2") as client:
        yield client


def test_a_command_is_sent_and_followed_to_its_end(client: KeyturnClient) -> None:
    *_, last = client.follow(client.send(PARKED, "location", idempotency_key="any-1")["id"])
    assert last["status"] == "Success"


def test_a_confirmation_is_sent_back(client: KeyturnClient) -> None:
    first = client.send("9KTRENTED00000022", "disable_ignition")
    assert first["status"] == "Confirmation"
    *_, last = client.follow(client.send("9KTRENTED00000022", "disable_ignition", code=first["code"])["id"])
    assert last["status"] == "Success"


def test_a_token_that_ended_is_replaced_and_the_request_signed_again(demo: Demo) -> None:
    company = demo.told["companies"][0]
    credentials = (company["client_id"], company["client_secret"], company["sign_secret"])
    dead = Token("not.a.token", issued_at=time.time(), lifetime=3600)
    with KeyturnClient(demo.told["url"], *credentials, token=dead, signing="v2") as client:
        assert client.send(PARKED, "diagnostics")["status"] == "Pending"


def test_where_version_2_is_mandatory_version_1_is_refused(demo: Demo, strict: KeyturnClient) -> None:
    assert strict.send(SECOND_VIN, "location")["status"] == "Pending"
    company = demo.told["companies"][1]
    credentials = (company["client_id"], company["client_secret"], company["sign_secret"])
    with KeyturnClient(demo.told["url"], *credentials) as first, pytest.raises(KeyturnError) as refused:
        first.send(SECOND_VIN, "location")
    assert (refused.value.http_status, refused.value.detail) == (403, "X-Signature invalid.")


def test_each_request_has_a_nonce_of_its_own_and_no_signature_of_version_1() -> None:
    seen: list[httpx2.Request] = []
    with httpx2.Client(auth=MessageSignature("id", "secret"), transport=answering(seen.append)) as http:
        for _ in range(2):
            http.post(
                "https://Gateway.Example:443/vehicle-command", headers={"Authorization": "Bearer t"}, content=b"{}"
            )
    inputs = [request.headers["signature-input"] for request in seen]
    assert len(set(inputs)) == 2
    assert all(signed(request) for request in seen)


def answering(see: Callable[[httpx2.Request], None]) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        see(request)
        return httpx2.Response(200)

    return httpx2.MockTransport(answer)


def signed(request: httpx2.Request) -> bool:
    """Whether the request carries the signature that the RFC's own steps lead to."""
    label, _, rest = request.headers["signature-input"].partition("=")
    fields = tuple((name, request.headers[name]) for name in ("Authorization", "Content-Digest"))
    message = HttpMessage(request.headers["host"], fields, request.content)
    right = message.signed("secret", rest.partition(")")[2], COVERED, label)
    return right.value("signature") == request.headers["signature"]


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://Gateway.Example/vehicle-command", "gateway.example"),
        ("http://gateway.example:80/vehicle-command", "gateway.example"),
        ("https://user:secret@gateway.example:8443/vehicle-command", "gateway.example:8443"),
        ("https://gateway.example:80/vehicle-command", "gateway.example:80"),
        ("http://[::1]:80/vehicle-command", "[::1]"),
    ],
)
def test_the_authority_is_what_the_server_makes_of_the_host_field(url: str, authority: str) -> None:
    headers = {"authorization": "Bearer t", "X-Case": "4711"}
    made = signature_headers("id", "secret", "POST", url, headers, b"{}", created=1, nonce="n")
    fields = (("authorization", "Bearer t"), ("content-digest", made["Content-Digest"]), ("x-case", "4711"))
    message = HttpMessage(authority, fields, b"{}", path=urlsplit(url).path)
    expected = message.signed(
        "secret", ';created=1;nonce="n";keyid="id";alg="hmac-sha256"', (*COVERED, "x-case"), "keyturn"
    )
    assert made["Signature"] == expected.value("signature")
