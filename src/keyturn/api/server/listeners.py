"""Where the server listens: sockets and certificates, and why one was refused."""

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
"""What every system's socket address holds."""


class ListenRefused(Exception):
    """A listener cannot be opened; the message is one clear sentence for the person at the terminal."""


def refused_address(host: str, port: int, error: OSError) -> ListenRefused:
    """Why `host` and `port` cannot be listened on."""
    if isinstance(error, socket.gaierror):
        return ListenRefused(f"The host {host} is not known.")
    sentence = _SENTENCES.get(error.errno or 0, "Port {port} on {host} cannot be opened: {error}.")
    return ListenRefused(sentence.format(host=host, port=port, error=error.strerror))


def unix_socket(path: Path) -> socket.socket:
    """A bound UNIX socket of mode 0600, in the place of one that a killed server left. Raises `ListenRefused`."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket():
            path.unlink()
        _bind(sock, path)
        path.chmod(0o600)  # nobody can connect before it listens
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
        sock.bind(f"/proc/self/fd/{directory}/{path.name}")  # the same place by a short name
    finally:
        os.close(directory)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 and up with a PEM chain and key; an empty `key` is in the certificate's file. Raises `ListenRefused`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise ListenRefused(f"The TLS certificate {certificate} cannot be used: {error.strerror or error}.") from None
    return context
