import pytest

from keyturn.api.client_address import ClientAddresses
from keyturn.api.request import Request
from keyturn.config.settings import LimitSettings
from tests.support.api_env import body, open_api, signed

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.7")


def client(peer: str | None, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"type": "http", "headers": headers, "client": None if peer is None else (peer, 50000)}

    async def receive() -> dict[str, object]:
        return {}

    return ClientAddresses(PROXIES).client(Request(scope, receive))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9,10.9.9.9 , 192.0.2.7"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["", " , "], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("2001:db8:ffff::1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", [], "2001:db8:1:2::/64"),
        (None, ["203.0.113.9"], "local"),
    ],
)
def test_whose_address_counts(peer: str | None, forwarded: list[str], expected: str) -> None:
    assert client(peer, *forwarded) == expected


def test_a_stranger_cannot_escape_a_limit_by_claiming_addresses() -> None:
    with open_api(limits=LimitSettings(failed_attempts_per_minute=2)) as env:
        statuses = [
            env.call(
                "POST", "/vehicle-command", body(), signed(token="x", **{"X-Forwarded-For": f"192.0.2.{n}"})
            ).status
            for n in range(4)
        ]
        assert statuses == [401, 401, 429, 429]
