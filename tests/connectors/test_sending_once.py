"""An actuation is written to a socket once, in time, or not at all."""

import asyncio
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from keyturn.connectors.oem_http.http.write_once import NotWrittenError, WriteOnceGuard
from keyturn.connectors.responses import OutcomeKind
from keyturn.connectors.toolkit import Deadline
from tests.support.certificates import Authority
from tests.support.clock import RunningClock
from tests.support.oem import DROP, HANG, Ending, Oem, answer

from .definitions import OPERATION, connector
from .orders import order

pytestmark = pytest.mark.anyio

TAKEN = answer(202, {"op": {"id": "op-1"}})
SENDING = OPERATION["send"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "GET"])
async def test_a_command_dropped_on_a_kept_connection_is_not_written_again(oem: Oem, method: str) -> None:
    sender = connector(oem.url, send={**SENDING, "method": method})
    oem.answer_with(TAKEN, DROP)
    assert (await sender.send(order(RunningClock()))).kind is OutcomeKind.IN_PROGRESS
    second = order(RunningClock())
    answered = await sender.send(second)
    await sender.close()
    assert answered.kind is OutcomeKind.UNCLEAR
    assert [seen.json["ref"] for seen in oem.seen].count(second.command_id) == 1
    assert (len(oem.seen), oem.connections) == (2, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(oem: Oem, status: int) -> None:
    sender = connector(oem.url)
    oem.answer_with(answer(status, {}, Location="/cars/elsewhere"))
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    assert answered.kind is OutcomeKind.UNCLEAR
    assert len(oem.seen) == 1


async def test_a_redirect_with_a_listed_error_code_may_have_happened_all_the_same(oem: Oem) -> None:
    sender = connector(oem.url, answers=[{"code": ["BUSY"], "means": "not_taken"}])
    oem.answer_with(answer(307, {"code": "BUSY"}, Location="/"))
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    assert answered.kind is OutcomeKind.UNCLEAR


async def test_the_gate_opens_once() -> None:
    clock = RunningClock()
    guard = WriteOnceGuard(Deadline(clock, clock.boottime() + 5.0))
    async with asyncio.timeout(5.0) as limit:
        guard.permit(limit, 5.0)
        await asyncio.sleep(0)
        with pytest.raises(NotWrittenError, match="written once already"):
            guard.permit(limit, 5.0)
    assert guard.passed


async def test_a_guard_that_forbade_writing_goes_on_forbidding_it() -> None:
    clock = RunningClock()
    guard = WriteOnceGuard(Deadline(clock, clock.boottime() + 5.0))
    guard.forbid("the request is over")
    async with asyncio.timeout(5.0) as limit:
        await asyncio.sleep(0)
        with pytest.raises(NotWrittenError, match="the request is over"):
            guard.permit(limit, 5.0)
    assert not guard.passed


class Handshake:
    """A server whose TLS handshake bends the sender's clock: `send_by` passes while the connection opens."""

    def __init__(self, authority: Authority, clock: RunningClock, bend: str) -> None:
        self.context = authority.server_context()
        self.begun = 0
        self._clock = clock
        self._bend = bend
        self.context.sni_callback = self._on_hello

    def _on_hello(self, tls: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        self.begun += 1
        setattr(self._clock, self._bend, 60.0)


@pytest.mark.parametrize("bend", ["wall_ahead", "boot_ahead"])
async def test_send_by_is_compared_after_the_connection_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bend: str
) -> None:
    authority, clock = Authority(tmp_path), RunningClock()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    handshake = Handshake(authority, clock, bend)
    async with Oem(handshake.context) as oem:
        sender = connector(oem.url, clock=clock)
        late = order(clock)
        answered = await sender.send(late)
        setattr(clock, bend, 0.0)
        await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
    assert answered.exchange is not None
    assert answered.exchange.answer == "send_by passed before the first byte"
    assert handshake.begun == 1
    assert oem.seen == []


async def test_a_handshake_that_fails_cannot_have_happened(tmp_path: Path) -> None:
    async with Oem(Authority(tmp_path).server_context()) as oem:
        sender = connector(oem.url)
        answered = await sender.send(order(RunningClock()))
        await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
    assert answered.exchange is not None
    assert answered.exchange.answer == ("the OEM's certificate is not trusted: unable to get local issuer certificate")


async def test_a_connection_that_never_opens_cannot_have_happened() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        port = full.getsockname()[1]
        for _ in range(4):
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        sender = connector(f"http://127.0.0.1:{port}")
        answered = await sender.send(order(RunningClock(), within=0.2))
        await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
    assert answered.exchange is not None
    assert answered.exchange.answer == "no connection to the OEM in time"


async def test_a_name_that_is_not_resolved_cannot_have_happened() -> None:
    sender = connector("http://no-such-oem.invalid")
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)


async def test_the_answer_has_its_own_time_from_the_first_byte(oem: Oem) -> None:
    sender = connector(oem.url, timeout=0.1)
    oem.answer_with(HANG)
    answered = await sender.send(order(RunningClock(), within=60.0))
    await sender.close()
    assert answered.kind is OutcomeKind.UNCLEAR
    assert answered.exchange is not None
    assert answered.exchange.answer == "no whole answer in time"


async def test_an_answer_that_comes_after_send_by_is_an_answer(oem: Oem) -> None:
    clock = RunningClock()
    sender = connector(oem.url, clock=clock)

    def late(_seen: object) -> Ending:
        clock.wall_ahead = clock.boot_ahead = 60.0
        return TAKEN

    oem.script = late
    answered = await sender.send(order(clock))
    await sender.close()
    assert answered.kind is OutcomeKind.IN_PROGRESS


async def test_commands_do_not_wait_behind_questions_or_stuck_commands(oem: Oem) -> None:
    sender = connector(oem.url, connections=1, timeout=30.0)
    oem.script = lambda seen: TAKEN if seen.target.endswith("lock_door") else HANG
    clock = RunningClock()
    stuck = [order(clock) for _ in range(20)]
    work = [*(sender.send(each) for each in stuck), *(sender.read_report(each.target) for each in stuck)]
    tasks = [asyncio.create_task(each) for each in work]
    await oem.until_seen(21)
    answered = await sender.send(order(clock, "lock_door"))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sender.close()
    assert answered.kind is OutcomeKind.IN_PROGRESS


async def test_a_client_certificate_is_shown_where_one_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    certificate, key = authority.issue("keyturn")
    async with Oem(authority.server_context(asks_for_client=True)) as oem:
        oem.answer_with(TAKEN)
        known = connector(oem.url, client_certificate=str(certificate), client_key=str(key))
        answered = await known.send(order(RunningClock()))
        await known.close()
    assert answered.kind is OutcomeKind.IN_PROGRESS
