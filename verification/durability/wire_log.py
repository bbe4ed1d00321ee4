"""What went over the sockets: the answers to clients, and the requests to the OEM."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from verification.durability.strace import Call

_TCP = re.compile(r"TCP:\[(\S+)->(\S+)\]")
_LENGTH = re.compile(rb"(?im)^content-length: *(\d+)\r$")
_END_OF_HEAD = b"\r\n\r\n"
_COMMAND_PATH = re.compile(r"POST /vehicles/\w+/commands/\w+ ")


class Message(NamedTuple):
    """An HTTP message; `began` is the line of the log at which its first byte was being written."""

    began: int
    head: str
    body: dict[str, Any]

    def header(self, name: str) -> str:
        """The field's value; empty without it."""
        match = re.search(rf"(?im)^{name}: *([^\r]*)\r?$", self.head)
        return match[1] if match else ""

    @property
    def code(self) -> int:
        """An answer's."""
        return int(self.head.split(" ", 2)[1])

    @property
    def commands_vehicle(self) -> bool:
        """Whether it is a request to the OEM that sends a command."""
        return _COMMAND_PATH.match(self.head) is not None


def answers(calls: Iterable[Call], port: int) -> list[Message]:
    """The answers of the server on that port to its clients."""
    return _messages(call for call in calls if _ends(call)[0] == port)


def orders(calls: Iterable[Call], oem_port: int) -> list[Message]:
    """The commands sent to the OEM on that port."""
    sent = _messages(call for call in calls if _ends(call)[1] == oem_port)
    return [message for message in sent if message.commands_vehicle]


def _ends(call: Call) -> tuple[int, int]:
    """Our port and theirs; zeros where it is no connection."""
    match = _TCP.match(call.subject)
    return (_port(match[1]), _port(match[2])) if match else (0, 0)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _messages(calls: Iterable[Call]) -> list[Message]:
    streams: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for call in calls:
        data = b"".join(call.buffers())
        taken = len(data) if call.result is None else max(0, call.result)
        streams[call.subject].append((call.began, data[:taken]))
    messages = (message for stream in streams.values() for message in _parsed(stream))
    return sorted(messages, key=attrgetter("began"))


def _parsed(stream: list[tuple[int, bytes]]) -> Iterator[Message]:
    """The last of a stream may be cut off: what of it was written counts for nothing."""
    text = b"".join(data for _, data in stream)
    begins = [began for began, data in stream for _ in data]
    at = 0
    while (end := text.find(_END_OF_HEAD, at)) >= 0:
        head = text[at : end + 2]
        length = _LENGTH.search(head)
        body_at = end + len(_END_OF_HEAD)
        until = body_at + (int(length[1]) if length else 0)
        if until > len(text):
            return
        yield Message(begins[at], head.decode("latin-1"), _object(text[body_at:until]))
        at = until


def _object(body: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
