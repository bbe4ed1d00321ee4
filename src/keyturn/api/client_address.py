"""Client address of a request: the peer's, or the one that a trusted proxy names in `X-Forwarded-For`."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from keyturn.api.request import Request

_Address = IPv4Address | IPv6Address

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[^:]+):\d+")
_LOCAL_SOCKET = "local"
_IPV6_CUSTOMER_BITS = 64


class ClientAddresses:
    """Reads `X-Forwarded-For` from the right as long as the addresses are those of trusted proxies."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(network, strict=False) for network in trusted_proxies)

    def client(self, request: Request) -> str:
        """The client's address as a key; an IPv6 client is its /64, in which it can change its address freely."""
        peer = request.scope["client"]
        return _LOCAL_SOCKET if peer is None else self._client(peer[0], request.text(b"x-forwarded-for") or "")

    def limited_client(self, proxy: str, forwarded: str) -> str | None:
        """The key of the client that a trusted proxy names in `X-Forwarded-For`; None where its number is unlimited."""
        client = self._client(proxy, forwarded)
        return client if forwarded and self.limited_peer((client.partition("/")[0], 0)) is not None else None

    def limited_peer(self, peer: object) -> str | None:
        """The key of a socket's peer whose connections are counted; None for trusted proxies and local sockets."""
        if not isinstance(peer, tuple):
            return None
        address = _parse(str(peer[0]))
        return None if self._is_trusted(address) else _key(address) if address is not None else str(peer[0])

    def _client(self, peer: str, forwarded: str) -> str:
        address = _parse(peer)
        for hop in reversed(forwarded.split(",")):
            if not self._is_trusted(address) or (named := _parse(hop)) is None:
                break
            address = named
        return _key(address) if address is not None else peer

    def _is_trusted(self, address: _Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _parse(text: str) -> _Address | None:
    """An address as proxies write it, with a port or in brackets too; None for anything else."""
    bare = text.strip()
    if found := _WITH_PORT.fullmatch(bare):
        bare = found["v6"] or found["v4"]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _key(address: _Address) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address.packed, _IPV6_CUSTOMER_BITS), strict=False))
    return str(address)
