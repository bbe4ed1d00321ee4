"""Resolves a webhook's host once, and allows only connections to the addresses that were checked (against SSRF)."""

import asyncio
import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

from aiohttp.abc import AbstractResolver, ResolveResult

from keyturn.alerts.message import NotDelivered

Address = IPv4Address | IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an IPv4 address."""
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""RFC 4291: the global unicast addresses; all others have a special meaning."""
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address is written inside
        "3fff::/20",  # documentation
    )
)
"""Special addresses in IANA's registries that not all Python versions know."""


class PinnedResolver(AbstractResolver):
    """Answers every query with the given addresses."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [_result(host, address, port) for address in self._addresses]

    async def close(self) -> None:
        """Nothing to release."""


async def resolve_allowed(host: str, port: int, *, allow_private: bool, loopback_only: bool) -> list[str]:
    """The addresses of `host`. Raises `NotDelivered` if one of them is not allowed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotDelivered("the receiver's name was not resolved") from None
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not allow_private and not is_public(address):
            raise NotDelivered("the receiver's address is not public, and alerts.webhook.allow_private is false")
        if loopback_only and not address.is_loopback:
            raise NotDelivered("http goes to this machine only")
    return addresses


def is_public(address: Address) -> bool:
    """Whether the address is public. An IPv4 address embedded in an IPv6 one is judged itself.

    Only two kinds of embedding are recognized, because only they are in use: IPv4-mapped and NAT64.
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or (IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None)
        if inner is not None:
            return is_public(inner)
        if address not in _GLOBAL_UNICAST:
            return False
    special = any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    return address.is_global and not address.is_multicast and not special


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
