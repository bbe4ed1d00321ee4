"""Rules that a type cannot say: about the content of a value, or about two of them."""

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from keyturn.config.checking import KeyPath
from keyturn.config.settings import ConnectorSettings, ServerSettings, Settings

_CONNECTOR_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_SECRET_PART = re.compile(r"(?<=//)[^/@]*(?=@)|(?<=\?).*")
"""User information and query of a URL: people put passwords there."""


class Breach(NamedTuple):
    """A setting that breaks a rule, and what the rule wants there."""

    path: KeyPath
    value: object
    expected: str


def breaches(settings: Settings) -> Iterator[Breach]:
    """Every broken rule."""
    yield from _of_server(settings.server)
    for name, connector in settings.connectors.items():
        if not _CONNECTOR_NAME.fullmatch(name):
            yield Breach(("connectors", name), name, "a name of small letters and digits, with single - or _ between")
        yield from _of_connector(("connectors", name), connector)


def _of_server(server: ServerSettings) -> Iterator[Breach]:
    for address in server.trusted_proxies:
        if not _is_network(address):
            yield Breach(("server", "trusted_proxies"), address, "IP addresses and networks (10.0.0.0/8)")
    if server.tls_certificate and not server.tls_key:
        yield Breach(("server", "tls_key"), server.tls_key, "a file, as server.tls_certificate is set")
    if server.tls_key and not server.tls_certificate:
        yield Breach(("server", "tls_certificate"), server.tls_certificate, "a file, as server.tls_key is set")
    if server.metrics_port and not server.metrics_host:
        yield Breach(("server", "metrics_host"), server.metrics_host, "an address, as server.metrics_port is set")


def _of_connector(path: KeyPath, connector: ConnectorSettings) -> Iterator[Breach]:
    if connector.base_url is not None and not _is_origin(connector.base_url):
        yield Breach(
            (*path, "base_url"),
            _SECRET_PART.sub("***", connector.base_url),
            "an http or https URL of host and path only",
        )
    floor, ceiling = connector.follow_floor, connector.follow_ceiling
    if floor is not None and ceiling is not None and floor > ceiling:
        yield Breach((*path, "follow_ceiling"), ceiling, f"at least follow_floor, which is {floor:.10g}")
    if connector.client_key and not connector.client_certificate:
        yield Breach((*path, "client_certificate"), connector.client_certificate, "a file, as client_key is set")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_origin(text: str) -> bool:
    try:
        url = urlsplit(text)
        port_is_valid = url.port is None or url.port > 0
    except ValueError:
        return False
    plain = not (url.username or url.password or url.query or url.fragment)
    return url.scheme in {"http", "https"} and bool(url.hostname) and port_is_valid and plain
