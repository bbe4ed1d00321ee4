"""Proxy, TLS trust and response limits of the connections to one OEM."""

import ssl
from pathlib import Path

import msgspec
from yarl import URL

from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.oem_http.definition.queries import parse_address


class Transport(msgspec.Struct, frozen=True):
    """Connection settings of the installation; a definition has none of them."""

    proxy: URL | None = None
    """HTTP proxy of every connection; it may hold a user and a password."""
    ca_file: str | None = None
    """PEM certificates that are trusted instead of the system's."""
    answer_bytes: int = 65_536
    """Largest body that is read; a larger one counts as no response."""
    header_bytes: int = 32_768
    """Largest status line, and largest header field."""
    header_fields: int = 256


DIRECT = Transport()
"""The defaults."""


def proxy_url(address: str, user_file: str | None = None) -> URL:
    """The proxy with the user and password that the file holds. Raises `DefinitionError`, which repeats neither."""
    try:
        url = parse_address(address)
    except ValueError as error:
        raise DefinitionError(f"proxy: {error}") from None
    if user_file is None:
        return url
    try:
        user, colon, password = Path(user_file).read_text("utf-8").strip().partition(":")
    except (OSError, ValueError):
        user = colon = password = ""
    if not (user and colon):
        raise DefinitionError("proxy_user_file: expected a file with user:password")
    return url.with_user(user).with_password(password)


def tls_context(definition: Definition, transport: Transport) -> ssl.SSLContext | bool:
    """True: aiohttp's default context, which verifies too. Raises `DefinitionError`."""
    certificate, key, trusted = definition.client_certificate, definition.client_key, transport.ca_file
    if key and not certificate:
        raise DefinitionError("client_key: goes with client_certificate")
    if not (certificate or trusted) and definition.base_url and definition.base_url.scheme == "http":
        return True
    context = _trusting(trusted)
    if certificate:
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ValueError):
            raise DefinitionError("client_certificate: expected PEM files of a certificate and its key") from None
    return context


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError):
        raise DefinitionError("ca_file: expected a PEM file of certificates") from None
