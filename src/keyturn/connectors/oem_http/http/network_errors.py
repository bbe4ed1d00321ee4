"""Describes network and HTTP errors in Keyturn's words; nothing that an OEM sent is repeated."""

import ssl

import aiohttp

from keyturn.connectors.oem_http.http.transport import Transport


class OversizedError(Exception):
    """The response body is larger than the limit."""


NETWORK = (aiohttp.ClientError, OSError)
FAILURES = (*NETWORK, ValueError, OversizedError)

_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the OEM's name was not resolved"),
    (aiohttp.ClientProxyConnectionError, "no connection to the proxy"),
    (aiohttp.ClientConnectorCertificateError, "the OEM's certificate is not trusted"),
    (aiohttp.ClientConnectorSSLError, "the TLS handshake failed"),
    (aiohttp.ClientConnectorError, "no connection to the OEM"),
    (aiohttp.ClientPayloadError, "the answer was cut short"),
    (aiohttp.ClientHttpProxyError, "the proxy answered {status}"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (OversizedError, "the answer is larger than {largest}"),
    (TimeoutError, "no whole answer in time"),
    (aiohttp.ClientConnectionError, "the connection was lost"),
    (OSError, "the connection was lost"),
    (Exception, "the request cannot be written"),
)
_LIMITS = (
    ("Got more than ", "a header line of the answer is longer than {limits.header_bytes} bytes"),
    ("Too many headers", "the answer has more than {limits.header_fields} header fields"),
)
"""By the start of aiohttp's message."""
_STRICT = (
    "Missing Authority Key Identifier",
    "Missing Subject Key Identifier",
    "Basic Constraints of CA cert not marked critical",
    "CA cert does not include key usage extension",
    "Authority Key Identifier marked critical",
    "Subject Key Identifier marked critical",
    "Empty Subject Alternative Name extension",
    "Subject empty and Subject Alt Name extension not critical",
    "Path length given without key usage keyCertSign",
    "Path length invalid for non-CA cert",
    "Key usage keyCertSign invalid for non-CA cert",
    "Using cert extension requires at least X509v3",
    "Certificate public key has explicit ECC parameters",
)
"""OpenSSL's messages for what VERIFY_X509_STRICT refuses; Python 3.13 and newer set that flag."""
_REISSUE = "strict rules of RFC 5280: issue it, or its CA's certificate, anew without that fault"


def describe_error(error: Exception, limits: Transport) -> str:
    """What went wrong, as a sentence without a full stop."""
    text = next(text for kind, text in _ERRORS if isinstance(error, kind))
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"{text}{_certificate_problem(error.certificate_error)}"
    if isinstance(error, aiohttp.ClientResponseError):
        text = next((words for begin, words in _LIMITS if error.message.startswith(begin)), text)
        return text.format(limits=limits, status=error.status)
    return text.format(limits=limits, largest=_size(limits.answer_bytes))


def describe_connect_error(error: Exception, limits: Transport) -> str:
    """As `describe_error`, before the first byte was written."""
    return "no connection to the OEM in time" if isinstance(error, TimeoutError) else describe_error(error, limits)


def _size(count: int) -> str:
    return f"{count} bytes" if count % 1024 else f"{count // 1024} KiB"


def _certificate_problem(error: Exception) -> str:
    """Why OpenSSL refuses the certificate."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return ""
    why = error.verify_message.rstrip(".")
    return f": {why} ({_REISSUE})" if why in _STRICT else f": {why}"
