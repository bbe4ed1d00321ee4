"""The published vectors of signing, version 2: what the product says, what the RFC says, and what the manual prints."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.api.request import Request
from keyturn.api.signatures.structured_fields import read_labelled_list
from keyturn.api.signatures.verification import signature_base, signed_nonce
from keyturn.auth.principal import Principal
from keyturn_client import signature_headers
from tests.support.http_message import HttpMessage, inner_list

HERE = Path(__file__).parent
MANUAL = HERE.parents[2] / "docs" / "api.md"
PUBLISHED: dict[str, Any] = json.loads((HERE / "signing_v2_vectors.json").read_text("utf-8"))
SECRET, CLIENT_ID = PUBLISHED["sign_secret"], PUBLISHED["client_id"]
VECTORS = [pytest.param(vector, id=vector["name"]) for vector in PUBLISHED["requests"]]

PRINCIPAL = Principal("application", "company", frozenset(), (SECRET.encode(),), CLIENT_ID)


async def nothing() -> dict[str, Any]:
    return {}


def received(vector: dict[str, Any]) -> Request:
    fields = [*vector["fields"], ["Host", vector["authority"]]]
    headers = [(name.lower().encode(), value.encode()) for name, value in fields]
    scope = {"method": vector["method"], "scheme": vector["scheme"], "path": vector["path"], "headers": headers}
    return Request(scope, nothing)


def field(vector: dict[str, Any], name: str) -> str:
    (value,) = (value for each, value in vector["fields"] if each == name)
    return str(value)


def test_four_signing_vectors_are_published() -> None:
    assert len(VECTORS) >= 4


@pytest.mark.parametrize("vector", VECTORS)
def test_the_product_accepts_it_and_derives_its_base(vector: dict[str, Any]) -> None:
    request, body = received(vector), vector["body"].encode()
    _, signed = read_labelled_list(field(vector, "Signature-Input"))
    assert signature_base(signed, request) == vector["base"]
    assert signed_nonce(request, body, PRINCIPAL) is not None
    assert signed_nonce(request, body + b" ", PRINCIPAL) is None


@pytest.mark.parametrize("vector", VECTORS)
def test_the_rfc_s_own_steps_lead_to_it(vector: dict[str, Any]) -> None:
    label, _, rest = field(vector, "Signature-Input").partition("=")
    covered = [name.strip('"') for name in rest.partition(")")[0].removeprefix("(").split(" ")]
    unsigned = [(n, value) for n, value in vector["fields"] if n not in {"Signature-Input", "Signature"}]
    authority = vector["authority"].removesuffix(":443")
    message = HttpMessage(authority, tuple(unsigned), vector["body"].encode(), vector["method"], vector["path"])
    parameters = rest.removeprefix(inner_list(covered))
    assert message.base(covered, parameters) == vector["base"]
    signed = message.signed(SECRET, parameters, covered, label)
    assert signed.value("signature") == field(vector, "Signature") == f"{label}=:{vector['signature']}:"


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "keyturn=(" in str(vector.values)])
def test_client_makes_the_signing_vector(vector: dict[str, Any]) -> None:
    _, signed = read_labelled_list(field(vector, "Signature-Input"))
    made = signature_headers(
        CLIENT_ID,
        SECRET,
        vector["method"],
        f"{vector['scheme']}://{vector['authority']}{vector['path']}",
        dict(vector["fields"]),
        vector["body"].encode(),
        created=int(signed.parameters["created"]),
        nonce=str(signed.parameters["nonce"]),
    )
    assert made == {name: field(vector, name) for name in ("Content-Digest", "Signature-Input", "Signature")}


@pytest.mark.parametrize("vector", VECTORS)
def test_manual_prints_the_signing_vector(vector: dict[str, Any]) -> None:
    manual = MANUAL.read_text("utf-8")
    assert f"sign-secret `{SECRET}`" in manual
    fields = "".join(f"{name}: {value}\n" for name, value in vector["fields"])
    assert f"Host: {vector['authority']}\n{fields}\n{vector['body']}\n" in manual
    assert f"```text\n{vector['base']}\n```" in manual
