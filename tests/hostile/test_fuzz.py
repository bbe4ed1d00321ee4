"""Any rightly signed request, the real intake behind the edge: an answer of the contract, and nothing done unasked."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.support.clients import Answer
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

VEHICLES = 20
IGNITION = ("enable_ignition", "disable_ignition")
ANSWERS = {200, 400, 403, 404, 409, 413, 422, 429}

texts = st.text(st.characters(), max_size=30)
vins = st.sampled_from([f"9KTFLEET{number:09d}" for number in range(1, VEHICLES + 1)]) | texts
commands = st.sampled_from(ALL_COMMANDS) | texts
digits = st.text("0123456789", min_size=6, max_size=6) | st.text("0123456789", max_size=1500)
codes = st.none() | digits | texts | st.integers() | st.floats() | st.booleans() | st.lists(digits, max_size=2)
keys = st.none() | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=70)


class Running:
    """A server that runs while a request is sent."""

    def __init__(self, runner: asyncio.Runner, opened: ServerEnv) -> None:
        self.server = opened
        self.heard: set[str] = set()
        self._runner = runner

    def send(self, body: dict[str, object], key: str | None) -> Answer:
        application = self.server.first
        named = str(body["vin"]), str(body["command"])
        headers = {"Authorization": f"Bearer {application.token}", "X-Signature": application.signature(*named)}
        headers |= {} if key is None else {"Idempotency-Key": key}
        answer = self._runner.run(application.send_raw(json.dumps(body).encode(), headers))
        self.heard |= {answer.body["id"]} if "id" in answer.body else set()
        return answer

    def assert_nothing_done_unasked(self) -> None:
        """Every actuation is of an id that was answered, once each; immobilising takes a code that nobody was told."""
        done = self.server.simulator.simulation.memory.ledger.all()
        refs = [actuation.client_ref for actuation in done]
        assert set(refs) <= self.heard
        assert len(refs) == len(set(refs))
        assert {actuation.command for actuation in done}.isdisjoint(IGNITION)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("fuzz")
    with asyncio.Runner() as runner, ExitStack() as stack:
        manager = server_env(folder, vehicles=VEHICLES)
        opened = runner.run(manager.__aenter__())
        stack.callback(lambda: runner.run(manager.__aexit__(None, None, None)))
        yield Running(runner, opened)


@seed(20_240_501)
@settings(max_examples=250, deadline=None, database=None)
@given(vin=vins, command=commands, code=codes, key=keys)
def test_any_signed_request(running: Running, vin: str, command: str, code: object, key: str | None) -> None:
    body = {"vin": vin, "command": command} | ({} if code is None else {"code": code})
    answer = running.send(body, key)
    assert answer.code in ANSWERS
    if "id" not in answer.body:
        assert answer.body.keys() == {"detail"}
    if command in IGNITION and code is not None:
        assert answer.code != 200, "a code that nobody was told was redeemed"
    running.assert_nothing_done_unasked()
