"""Decodes response bodies to UTF-8: content encoding, byte order mark, charset. Pure."""

import zlib
from collections.abc import Callable
from email.message import Message

import brotli

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_STEP = 64 * 1024


class BodyError(Exception):
    """The body cannot be unpacked; the message says why."""


class BodyTooLarge(BodyError):
    """The unpacked body is larger than the limit."""


def plain(body: bytes, *, encoding: str = "", content_type: str = "", largest: int) -> bytes:
    """`body` unpacked by its `Content-Encoding`, then from its `Content-Type`'s charset to UTF-8 without a mark.

    Bytes that are not valid in that charset stay as they are. Raises `BodyError`.
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        body = _unpacked(name, body, largest)
    return _as_utf8(body, content_type)


def _unpacked(name: str, body: bytes, largest: int) -> bytes:
    if name in ("", "identity") or not body:
        return body
    unpack = _UNPACKERS.get(name)
    if unpack is None:
        raise BodyError("the answer is packed in a way that was not asked for")
    try:
        return unpack(body, largest)
    except (zlib.error, brotli.error):
        raise BodyError(f"the answer is not what its Content-Encoding, {name}, says") from None


def _gunzip(body: bytes, largest: int) -> bytes:
    return _inflated(body, zlib.MAX_WBITS | 16, largest)


def _inflate(body: bytes, largest: int) -> bytes:
    """zlib's format (RFC 9110, 8.4.1.2), and the bare deflate that some servers send under its name."""
    try:
        return _inflated(body, zlib.MAX_WBITS, largest)
    except zlib.error:
        return _inflated(body, -zlib.MAX_WBITS, largest)


def _inflated(body: bytes, window: int, largest: int) -> bytes:
    out = bytearray()
    while body:  # a gzip file may have several members
        unpacker = zlib.decompressobj(window)
        out += unpacker.decompress(body, largest + 1 - len(out))
        if len(out) > largest:
            raise BodyTooLarge("the answer unpacks to more than it may")
        if not unpacker.eof:
            raise zlib.error
        body = unpacker.unused_data
    return bytes(out)


def _unbrotli(body: bytes, largest: int) -> bytes:
    unpacker = brotli.Decompressor()
    out = bytearray(unpacker.process(body, output_buffer_limit=_STEP))
    while not unpacker.is_finished():
        if len(out) > largest:
            break
        more = unpacker.process(b"", output_buffer_limit=_STEP)
        if not more:
            raise brotli.error
        out += more
    if len(out) > largest:
        raise BodyTooLarge("the answer unpacks to more than it may")
    return bytes(out)


_UNPACKERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
}


def _as_utf8(body: bytes, content_type: str) -> bytes:
    """A byte order mark takes precedence over the header (WHATWG, "BOM sniff")."""
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return _recoded(body[len(mark) :], charset)
    return _recoded(body, _charset(content_type))


def _recoded(body: bytes, charset: str) -> bytes:
    try:
        return body.decode(charset).encode()
    except (LookupError, UnicodeError):
        return body


def _charset(content_type: str) -> str:
    header = Message()
    header["Content-Type"] = content_type.replace("\r", "").replace("\n", "")
    return str(header.get_content_charset("utf-8"))
