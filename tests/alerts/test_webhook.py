"""Signed POSTs over a real socket, to where they may go and nowhere else."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
from pathlib import Path
from typing import Any

import pytest

from keyturn.alerts.addresses import is_public
from keyturn.alerts.message import NotDelivered
from tests.support.alert_env import KEY, alert_env, by_webhook
from tests.support.certificates import Authority
from tests.support.receiver import Receiver

from .test_smtp import LETTER

pytestmark = pytest.mark.anyio


async def fault_of(url: str, **settings: Any) -> str:
    with pytest.raises(NotDelivered) as caught:
        await by_webhook(url, **settings).send(LETTER)
    return str(caught.value)


async def test_the_body_holds_ids_and_text(tmp_path: Path, receiver: Receiver) -> None:
    async with alert_env(tmp_path, [by_webhook(receiver.url)]) as running:
        await running.record("switch.thrown", vehicle_id="car", scope="vehicle", code="4711")
        await running.until(lambda rows: bool(rows) and rows[0]["state"] == "sent")
    (post,) = receiver.posts
    message = post.message
    assert message.pop("at").endswith("+00:00")
    assert message.pop("text").startswith("Commands within its reach")
    assert message == {
        "id": post.headers["webhook-id"],
        "kind": "switch.thrown",
        "severity": "critical",
        "company": "acme",
        "subject": "An emergency switch was thrown",
        "entry": {"seq": 1, "actor": "operator:ana", "vehicle": "car", "command": None},
        "count": 1,
    }
    assert b"4711" not in post.body


async def test_the_signature_verifies(receiver: Receiver) -> None:
    await by_webhook(receiver.url).send(LETTER)
    (post,) = receiver.posts
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert post.headers["webhook-signature"] == f"v1,{expected}"
    assert post.headers["webhook-id"] == "7"


async def test_https_with_a_certificate_that_is_trusted(authority: Authority) -> None:
    async with Receiver(tls=authority.server_context()) as server:
        await by_webhook(f"https://localhost:{server.port}/alerts?team=1").send(LETTER)
    assert len(server.posts) == 1


async def test_https_with_one_that_is_not(tmp_path: Path) -> None:
    async with Receiver(tls=Authority(tmp_path).server_context()) as server:
        fault = await fault_of(f"https://localhost:{server.port}/alerts")
    assert fault == "the receiver's certificate is not trusted"
    assert server.posts == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    async with Receiver() as elsewhere:
        receiver.statuses.append(status)
        receiver.redirects_to = elsewhere.url
        assert await fault_of(receiver.url) == f"the receiver answered {status}"
    assert (len(receiver.posts), elsewhere.posts) == (1, [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "127.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_an_address_that_is_not_public_is_not_called(receiver: Receiver, host: str) -> None:
    fault = await fault_of(f"https://{host}:{receiver.port}/alerts", allow_private=False)
    assert fault == "the receiver's address is not public, and alerts.webhook.allow_private is false"
    assert receiver.posts == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2002:5db8:d70e::1", False),
        ("64:ff9b::5db8:d70e", True),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b:1::a00:1", False),
        ("64:ff9b:1::5db8:d70e", False),
        ("::10.0.0.1", False),
        ("::93.184.215.14", False),
        ("::1", False),
        ("::", False),
        ("::ffff:0:10.0.0.1", False),
        ("::ffff:0:93.184.215.14", False),
        ("fec0::1", False),
        ("feff::1", False),
        ("ff0e::1", False),
        ("100::1", False),
        ("2001::5db8:d70e", False),
        ("2001:20::1", False),
        ("2001:db8::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("4000::1", False),
        ("192.0.0.8", False),
        ("192.88.99.1", False),
        ("198.18.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
    ],
)
async def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


async def test_http_leaves_this_machine_never() -> None:
    assert await fault_of("http://192.0.2.1/alerts", timeout=1.0) == "http goes to this machine only"


async def test_a_name_is_resolved_once_for_the_check_and_the_call(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: int) -> object:
        asked.append(host)
        return await real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, **options)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    await by_webhook(f"http://rebinding.example:{receiver.port}/alerts").send(LETTER)
    assert (asked, len(receiver.posts)) == (["rebinding.example"], 1)


async def test_a_silent_receiver_times_out() -> None:
    taken = asyncio.Event()

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await taken.wait()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await fault_of(f"http://127.0.0.1:{port}/", timeout=0.2) == "no answer in time"
    taken.set()
    server.close()
