"""Every OEM response, however malformed, becomes an `OemResponse`; the connector never raises."""

import string
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from keyturn.connectors.oem_http.answers.answer import decode_json
from keyturn.connectors.oem_http.answers.mapping import AnswerMapping
from keyturn.connectors.oem_http.answers.state import StateMapping
from keyturn.connectors.oem_http.definition.queries import Query
from keyturn.connectors.oem_http.http.client import Transfer
from keyturn.connectors.oem_http.http.requests import Requests
from keyturn.connectors.oem_http.http.wire_log import logged_request
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind, StateReport
from tests.connectors.definitions import OPERATION, SYNC, definition

TEXTS = st.text(max_size=80) | st.sampled_from(["done", "failed", "our-id", "MOVING", "//x", "http://[", "2024-13-01"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
THINGS = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(TEXTS, LEAVES, max_size=2)


def record(*names: str, **inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """An object with some of the names that the definitions read, and whatever in them."""
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(names, THINGS), **inner}) | THINGS


OPERATIONS = record("id", "url", "state", "at", "already", "code", "ref", data=record("latitude", "longitude"))
SIGNALS = record(speed=record("v", "seen", "as_of", "stale"), doors_locked=record("v"))
DOCUMENTS = record("code", "up", "contact", op=OPERATIONS, found=st.lists(OPERATIONS, max_size=2), signals=SIGNALS)
BODIES = st.binary(max_size=80) | DOCUMENTS.map(msgspec.json.encode)


@cache
def mappings() -> list[AnswerMapping]:
    described = [definition(base) for base in (OPERATION, SYNC)]
    return [AnswerMapping(each, Requests(each, URL("http://localhost:1"))) for each in described]


@cache
def states() -> list[StateMapping]:
    zones: tuple[dict[str, str], ...] = ({}, {"zone": "-03:00"}, {"zone": "-03:00", "pattern": "%d/%m/%Y"})
    described = [definition(times=times) for times in zones]
    return [StateMapping(each.state, each.times) for each in described if each.state]


def judged(transfer: Transfer) -> list[OemResponse]:
    answers = []
    for mapping in mappings():
        answers += [
            mapping.command_response("location", transfer),
            mapping.status_response("start", transfer, Operation(id="7")),
        ]
        answers += [mapping.lookup_response("start", transfer, "our-id"), mapping.cancel_response(transfer)]
    return answers


def test_an_expression_that_does_not_apply_finds_nothing() -> None:
    assert Query("contains(text, number)").of({"text": "abc", "number": 1}) is None
    assert Query("length(number)").of({"number": 1}) is None


@settings(max_examples=60, deadline=None)
@given(BODIES, st.sampled_from([200, 202, 204, 208, 302, 401, 409, 422, 500, 502, 503]))
def test_every_answer_is_judged(body: bytes, status: int) -> None:
    transfer = Transfer("POST /", 0, began=True, status=status, body=body)
    assert {type(answer) for answer in judged(transfer)} == {OemResponse}
    assert len(logged_request(transfer, ["s3cret"]).answer) <= 500


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_every_state_is_read(body: bytes) -> None:
    assert all(isinstance(state.report(decode_json(body)), StateReport | None) for state in states())


@pytest.mark.parametrize(
    "raw",
    [
        '{"op": {"id": N}}'.replace("N", "9" * 5000),
        '{"op": {"id": "\\ud800", "state": "done"}}',
        '{"op": {"at": N, "state": "done", "data": {"latitude": N}}}'.replace("N", "9" * 400),
        '{"up": true, "contact": N, "signals": {"speed": {"v": N}}}'.replace("N", "9" * 5000),
        '{"a":' * 13_000,
        '{"op": {"id": "7"}, "op": {"id": "8"}}',
    ],
    ids=["long_id", "lone_surrogate", "huge_numbers", "huge_state", "deep", "twice"],
)
def test_extremes_are_judged_too(raw: str) -> None:
    body = raw.encode()
    for answer in judged(Transfer("POST /", 0, began=True, status=200, body=body)):
        assert isinstance(answer.kind, OutcomeKind)
    for state in states():
        state.report(decode_json(body))
    assert all(letter in string.printable for letter in logged_request(Transfer("GET /", 0, body=body), []).answer)
