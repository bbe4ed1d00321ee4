"""Sockets and certificates of listeners, and the reason where one cannot be opened."""

import errno
import os
import socket
import ssl
from pathlib import Path

_SENTENCES = {
    errno.EADDRINUSE: "Port {port} on {host} is already in use.",
    errno.EACCES: "Port {port} on {host} may not be used by this user.",
    errno.EADDRNOTAVAIL: "{host} is not an address of this machine.",
}
_ADDRESS_BYTES = 103
"""The longest path that fits into a socket address on every system."""


class ListenRefused(Exception):
    """A listener cannot be opened; the message is one sentence for a person at a terminal."""


def refused_address(host: str, port: int, error: OSError) -> ListenRefused:
    """The reason why `host` and `port` cannot be opened."""
    if isinstance(error, socket.gaierror):
        return ListenRefused(f"The host {host} is not known.")
    sentence = _SENTENCES.get(error.errno or 0, "Port {port} on {host} cannot be opened: {error}.")
    return ListenRefused(sentence.format(host=host, port=port, error=error.strerror))


def unix_socket(path: Path) -> socket.socket:
    """A bound UNIX socket of mode 0600; it replaces one that a killed server left. Raises `ListenRefused`."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket():
            path.unlink()
        _bind(sock, path)
        path.chmod(0o600)  # connections are refused until it listens
    except OSError as error:
        sock.close()
        raise ListenRefused(f"The socket {path} cannot be opened: {error.strerror or error}.") from None
    return sock


def _bind(sock: socket.socket, path: Path) -> None:
    if len(os.fsencode(path)) <= _ADDRESS_BYTES:
        sock.bind(str(path))
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        sock.bind(f"/proc/self/fd/{directory}/{path.name}")  # a shorter path to the same socket
    finally:
        os.close(directory)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 or later with a PEM chain and key; an empty `key` is in the chain's file. Raises `ListenRefused`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise ListenRefused(f"The TLS certificate {certificate} cannot be used: {error.strerror or error}.") from None
    return context
