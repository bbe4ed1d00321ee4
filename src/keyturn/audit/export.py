"""Writes and reads exports: JSON lines with everything that is needed to verify chains on another machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from keyturn.audit import chain_queries
from keyturn.audit.chain_queries import RestoreEntry
from keyturn.audit.checkpoint_check import StoredCheckpoint
from keyturn.audit.checkpoints import SignedStatement, installation_id, store_epoch
from keyturn.audit.encoding import GENESIS, Content, Link, Personal, chain_of, company_of
from keyturn.audit.findings import Finding, FindingKind
from keyturn.audit.verification import ChainRange
from keyturn.store.port import ReadTx

EXPORT_FORMAT = "keyturn-audit-1"


class ExportRefused(Exception):
    """The chains cannot be exported, or the file is not an export; the message is one sentence."""


class ExportedRange(msgspec.Struct, frozen=True):
    """The range of a chain that the file holds."""

    company: str | None
    first: int
    last: int
    newest: int
    """Number of the newest entry of the chain when the file was written."""


class ExportHeader(msgspec.Struct, frozen=True):
    format: str
    installation: str
    epoch: int
    chains: tuple[ExportedRange, ...]


class ExportedEntry(msgspec.Struct, frozen=True):
    """An entry with its position in its chain; hashes and salt in hex, bodies as the texts that were hashed."""

    company: str | None
    number: int
    at: int
    actor: str
    kind: str
    vehicle: str | None
    command: str | None
    body: str
    personal: str | None
    salt: str | None
    personal_hash: str | None
    prev: str
    hash: str


class ExportLine(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line of the file: exactly one member."""

    header: ExportHeader | None = None
    entry: ExportedEntry | None = None
    checkpoint: SignedStatement | None = None
    restore: RestoreEntry | None = msgspec.field(default=None, name="told")
    """A restore or an acknowledgement before the first entry of its chain that is in the file."""


_LINE = msgspec.json.Decoder(ExportLine)


def write_export(tx: ReadTx, file: BinaryIO, *, company: str | None, everything: bool, first: int, last: int) -> int:
    """Write the sealed entries from `first` to `last` of one chain, or of all; returns their number."""
    parts = [part for part in _parts(tx, first, last) if everything or part.company == company]
    _put(file, ExportLine(header=ExportHeader(EXPORT_FORMAT, installation_id(tx), store_epoch(tx), tuple(parts))))
    count = 0
    for part in parts:
        for link in _all_links(tx, part):
            _put(file, ExportLine(entry=_entry(link)))
            count += 1
        for entry in chain_queries.restore_entries(tx):
            if entry.company == part.company and entry.number < part.first:
                _put(file, ExportLine(restore=entry))
    for part in parts:
        for signed, _chain in chain_queries.checkpoints(tx, chain_of(part.company)):
            _put(file, ExportLine(checkpoint=signed))
    return count


class ExportArchive:
    """An export as an `Archive`. Entries are read from the file each time `links` is called."""

    complete = False

    def __init__(self, path: Path) -> None:
        """Raises ExportRefused, OSError."""
        self._path = path
        self._blocks: dict[str | None, list[tuple[int, int]]] = {}  # by company: start and end offsets
        self._checkpoints: list[StoredCheckpoint] = []
        self._restore_entries: list[RestoreEntry] = []
        self._other_findings: list[Finding] = []
        self._header = self._index()
        self.installation = self._header.installation

    def ranges(self) -> list[ChainRange]:
        return [
            ChainRange(
                part.company,
                part.first,
                part.last,
                GENESIS if part.first == 1 else None,
                None,
                ends_chain=part.last >= part.newest,
            )
            for part in self._header.chains
        ]

    def links(self, chain_range: ChainRange) -> Iterator[Link]:
        with self._path.open("rb") as file:
            for start, end in self._blocks.get(chain_range.company, ()):
                file.seek(start)
                while file.tell() < end:
                    entry = _decoded(file.readline()).entry
                    assert entry is not None
                    yield _link(entry)

    def checkpoints(self) -> list[StoredCheckpoint]:
        return self._checkpoints

    def restore_entries(self) -> list[RestoreEntry]:
        return self._restore_entries

    def other_findings(self) -> list[Finding]:
        return self._other_findings

    def _index(self) -> ExportHeader:
        with self._path.open("rb") as file:
            header = _header(file.readline(), self._path)
            offset = file.tell()
            for number, text in enumerate(file, start=2):
                self._index_line(number, text, offset)
                offset += len(text)
        known = {part.company for part in header.chains}
        unnamed = [company for company in self._blocks if company not in known]
        self._other_findings += [
            Finding(FindingKind.INSERTED, each, None, "The file's header names no such chain.") for each in unnamed
        ]
        return header

    def _index_line(self, number: int, text: bytes, offset: int) -> None:
        try:
            line = _decoded(text)
        except ExportRefused:
            self._other_findings.append(Finding(FindingKind.EDITED, None, None, f"Line {number} cannot be read."))
            return
        if line.checkpoint is not None:
            self._checkpoints.append(StoredCheckpoint(line.checkpoint))
        if line.restore is not None:
            self._restore_entries.append(line.restore)
        if line.entry is not None:
            if line.entry.kind in (chain_queries.RESTORED, chain_queries.ACKNOWLEDGED):
                self._restore_entries.append(
                    RestoreEntry(line.entry.company, line.entry.number, line.entry.kind, line.entry.body)
                )
            self._add_block(line.entry.company, offset, len(text))

    def _add_block(self, company: str | None, offset: int, length: int) -> None:
        """Adjacent lines of one chain are one block."""
        blocks = self._blocks.setdefault(company, [])
        start = blocks.pop()[0] if blocks and blocks[-1][1] == offset else offset
        blocks.append((start, offset + length))


def read_checkpoint_file(path: Path) -> list[SignedStatement]:
    """The checkpoints of a checkpoint file, one on each line. Raises ExportRefused, OSError."""
    try:
        return [msgspec.json.decode(line, type=SignedStatement) for line in path.read_bytes().splitlines() if line]
    except msgspec.DecodeError:
        raise ExportRefused(f"{path} is no file of checkpoints.") from None


def _parts(tx: ReadTx, first: int, last: int) -> Iterator[ExportedRange]:
    for head in chain_queries.heads(tx):
        end = min(head.number, last)
        if first <= end:
            yield ExportedRange(company_of(head.chain), first, end, head.number)


def _put(file: BinaryIO, line: ExportLine) -> None:
    file.write(msgspec.json.encode(line) + b"\n")


def _all_links(tx: ReadTx, part: ExportedRange) -> Iterator[Link]:
    """Raises ExportRefused where an entry is missing."""
    expected = part.first
    for link in chain_queries.links(tx, chain_of(part.company), first=part.first, last=part.last):
        if link.number != expected:
            break
        expected += 1
        yield link
    if expected <= part.last:
        raise ExportRefused(f"Entry {expected} is missing or was edited; see keyturn audit verify --data.")


def _entry(link: Link) -> ExportedEntry:
    content, personal = link.content, link.personal
    return ExportedEntry(
        company=content.company,
        number=link.number,
        at=content.at,
        actor=content.actor,
        kind=content.kind,
        vehicle=content.vehicle,
        command=content.command,
        body=content.body,
        personal=personal.text if personal else None,
        salt=personal.salt.hex() if personal and personal.salt is not None else None,
        personal_hash=personal.hash.hex() if personal else None,
        prev=link.prev.hex(),
        hash=link.hash.hex(),
    )


def _link(entry: ExportedEntry) -> Link:
    content = Content(entry.company, entry.at, entry.actor, entry.kind, entry.vehicle, entry.command, entry.body)
    personal = None
    if entry.personal_hash is not None or entry.personal is not None or entry.salt is not None:
        salt = None if entry.salt is None else _from_hex(entry.salt)
        personal = Personal(_from_hex(entry.personal_hash or ""), salt, entry.personal)
    return Link(entry.number, _from_hex(entry.prev), _from_hex(entry.hash), content, personal)


def _header(text: bytes, path: Path) -> ExportHeader:
    header = _decoded(text).header
    if header is None or header.format != EXPORT_FORMAT:
        raise ExportRefused(f"{path} is no export of an audit chain.")
    return header


def _decoded(text: bytes) -> ExportLine:
    try:
        return _LINE.decode(text)
    except msgspec.DecodeError:
        raise ExportRefused("The file is no export of an audit chain.") from None


def _from_hex(text: str) -> bytes:
    """The bytes of a hex text; empty if it is not hex, which equals no hash."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
