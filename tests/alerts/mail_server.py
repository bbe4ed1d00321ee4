"""A mail server on a real socket, as good or as bad as a test wants it."""

import asyncio
import base64
import email
import email.policy
import ssl
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from types import TracebackType
from typing import Self

ACCEPTED = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 queued", "AUTH": "235 welcome"}


@dataclass
class Mail:
    """What was handed over."""

    sender: str
    to: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """`scripted` answers a verb (``.``: the end of the data) before it is accepted as usual."""

    tls: ssl.SSLContext | None = None
    """From the first byte."""
    starttls: ssl.SSLContext | None = None
    """Offered, and refused by a scripted answer."""
    silent: bool = False
    """Takes connections and never says a word."""
    drips: bool = False
    """As `silent`, with a byte now and then."""
    scripted: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    refused: set[str] = field(default_factory=set)
    """Recipients who are refused for ever."""
    mails: list[Mail] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    """Every line, whether encrypted or not."""
    signed_in: list[str] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """A client has gone away."""
    port: int = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nobody listens on the port any more."""
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.drips:
                await _drip(reader, writer)
            elif self.silent:
                await reader.read()
            else:
                await _Conversation(self, reader, writer).hold()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.set()
            writer.close()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the other side is gone."""
    while not reader.at_eof():
        writer.write(b"2")
        await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)


class _Conversation:
    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._sender = ""
        self._to: list[str] = []

    async def hold(self) -> None:
        await self._say("220 test")
        while line := (await self._reader.readline()).decode().rstrip("\r\n"):
            self._server.received.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "QUIT":
                await self._say("221 bye")
                return
            await self._answer(verb, line)

    async def _answer(self, verb: str, line: str) -> None:
        special: dict[str, Callable[[], object]] = {"EHLO": self._greet, "STARTTLS": self._upgrade}
        if verb in special and not self._server.scripted[verb]:
            await special[verb]()  # type: ignore[misc]  # both are coroutine functions
            return
        answer = self._decide(verb, line)
        await self._say(answer)
        if answer.startswith("354"):
            await self._take()

    def _decide(self, verb: str, line: str) -> str:
        scripted = self._server.scripted[verb]
        if scripted:
            return scripted.popleft()
        address = line.partition("<")[2].partition(">")[0]
        if verb == "RCPT" and address in self._server.refused:
            return "550 nobody here"
        if verb == "MAIL":
            self._sender, self._to = address, []
        elif verb == "RCPT":
            self._to.append(address)
        elif verb == "AUTH":
            self._server.signed_in.append(base64.b64decode(line.split(" ")[2]).decode())
        return ACCEPTED.get(verb, "250 ok")

    async def _greet(self) -> None:
        offers = "250-STARTTLS\r\n" if self._server.starttls else ""
        await self._say(f"250-test\r\n{offers}250 AUTH PLAIN")

    async def _upgrade(self) -> None:
        assert self._server.starttls is not None
        await self._say("220 go on")
        await self._writer.start_tls(self._server.starttls)

    async def _take(self) -> None:
        data = (await self._reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
        self._server.received.append(data.decode())
        answer = self._decide(".", "")
        if answer.startswith("2"):
            message = email.message_from_bytes(data, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self._server.mails.append(Mail(self._sender, self._to, message))
        await self._say(answer)

    async def _say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())
        await self._writer.drain()
