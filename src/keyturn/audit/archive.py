"""Verifies audit chains without a server: those of a database, or those of an export."""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Protocol

import msgspec

from keyturn.audit import chain_queries
from keyturn.audit.chain_queries import RestoreEntry
from keyturn.audit.checkpoint_check import StoredCheckpoint, compare, compared_numbers, validate_checkpoints
from keyturn.audit.checkpoints import CheckpointStatement, SignedStatement, installation_id, named_key
from keyturn.audit.encoding import GENESIS, Link, chain_of, company_of
from keyturn.audit.findings import Finding, FindingKind
from keyturn.audit.restores import Restore, validate_restores
from keyturn.audit.verification import ChainRange, RangeResult, verify_range
from keyturn.clock import iso_time
from keyturn.store.port import ReadTx

_STEP = 1_000
"""Entries between two reports of progress."""


class Archive(Protocol):
    """A source of chains and checkpoints to verify."""

    installation: str
    complete: bool
    """Whether every chain of the installation must be present."""

    def ranges(self) -> list[ChainRange]:
        """The range of each chain that the archive should hold."""
        ...

    def links(self, chain_range: ChainRange) -> Iterator[Link]:
        """The entries of a range in the order in which they are stored."""
        ...

    def checkpoints(self) -> list[StoredCheckpoint]: ...

    def restore_entries(self) -> list[RestoreEntry]:
        """Entries of restores and acknowledgements, also those before the ranges."""
        ...

    def other_findings(self) -> list[Finding]:
        """Findings that belong to no range: unsealed entries, unreadable lines."""
        ...


class VerifiedChain(msgspec.Struct, frozen=True):
    """What was verified of one chain."""

    company: str | None
    first: int
    last: int
    erased: int
    checkpoint: int | None
    """Number of the newest entry that a checkpoint covers; None: no checkpoint covers any."""


class VerificationReport(msgspec.Struct, frozen=True):
    chains: tuple[VerifiedChain, ...]
    findings: tuple[Finding, ...]

    @property
    def unacknowledged(self) -> list[Finding]:
        """Restores that no operator has acknowledged."""
        return [finding for finding in self.findings if finding.what is FindingKind.UNACKNOWLEDGED]

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_fault]


class DatabaseArchive:
    """All chains of a store, read in one transaction."""

    complete = True

    def __init__(self, tx: ReadTx) -> None:
        self.installation = installation_id(tx)
        self._tx = tx

    def ranges(self) -> list[ChainRange]:
        return [
            ChainRange(company_of(head.chain), 1, head.number, GENESIS, head.hash)
            for head in chain_queries.heads(self._tx)
        ]

    def links(self, chain_range: ChainRange) -> Iterator[Link]:
        return chain_queries.links(self._tx, chain_of(chain_range.company), first=chain_range.first)

    def checkpoints(self) -> list[StoredCheckpoint]:
        return [StoredCheckpoint(signed, chain) for signed, chain in chain_queries.checkpoints(self._tx)]

    def restore_entries(self) -> list[RestoreEntry]:
        return chain_queries.restore_entries(self._tx)

    def other_findings(self) -> list[Finding]:
        unlinked = chain_queries.unsealed_entries(self._tx)
        late = [entry for entry in unlinked if entry.late]
        found = [
            Finding(FindingKind.INSERTED, entry.company, None, f"The entry with seq {entry.seq} was never sealed.")
            for entry in unlinked
            if not entry.late
        ]
        if late:
            text = f"{len(late)} entries are not sealed yet, the oldest of {iso_time(late[0].at)}."
            found.append(Finding(FindingKind.UNSEALED, None, None, text))
        return found


def verify(
    archive: Archive,
    *,
    keys: Collection[bytes] | None = None,
    external: Iterable[SignedStatement] = (),
    acknowledged: Collection[int] = (),
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> VerificationReport:
    """Verify every chain, and compare it with the archive's checkpoints and the `external` ones.

    `external`: checkpoints that were stored on another machine. `keys`: the trusted public keys; None: the keys that
    the external checkpoints name, or without those the keys that the archive's checkpoints name, which proves less.
    `acknowledged`: epochs of restores that the caller knows of. `advance` is called again and again with the number of
    entries that are verified, and of how many. Entries are read one page after the other.
    """
    external = list(external)
    trusted_key = keys is not None
    if keys is None and external:  # an attacker can change the keys in the archive, but not those on another machine
        keys = {key for signed in external for key in named_key(signed)}
    checkpoints = validate_checkpoints(
        [*archive.checkpoints(), *map(StoredCheckpoint, external)], keys, archive.installation
    )
    restores = validate_restores(archive.restore_entries(), keys, archive.installation)
    findings = [
        *archive.other_findings(),
        *checkpoints.findings,
        *restores.findings,
        *restores.unacknowledged(acknowledged),
    ]
    chains = []
    ranges = archive.ranges()
    walk = _Walk(ranges, advance)
    for chain_range in ranges:
        statements = checkpoints.for_company(chain_range.company)
        own_restores = restores.for_company(chain_range.company)
        result = verify_range(
            chain_range, walk.along(archive.links(chain_range)), compared_numbers(statements, own_restores)
        )
        findings += [result.fault] if result.fault else []
        findings += compare(chain_range, result, statements, own_restores)
        chains.append(_verified(chain_range, result, statements))
    if archive.complete:
        findings += missing_chains(ranges, checkpoints.statements, restores.for_company(None))
    findings += _notes(chains, trusted_key=trusted_key or not (checkpoints.statements or restores.restores))
    return VerificationReport(tuple(chains), tuple(findings))


class _Walk:
    """Counts the entries of all ranges as they pass."""

    def __init__(self, ranges: Iterable[ChainRange], advance: Callable[[int, int], None]) -> None:
        self._total = sum(max(0, each.last - each.first + 1) for each in ranges)
        self._done = 0
        self._advance = advance

    def along(self, links: Iterator[Link]) -> Iterator[Link]:
        while page := list(islice(links, _STEP)):
            yield from page
            self._done += len(page)
            self._advance(self._done, self._total)


def _verified(chain_range: ChainRange, result: RangeResult, statements: list[CheckpointStatement]) -> VerifiedChain:
    covered = max((each.number for each in statements if each.number <= result.last), default=None)
    return VerifiedChain(chain_range.company, chain_range.first, result.last, result.erased, covered)


def missing_chains(
    ranges: list[ChainRange], statements: Iterable[CheckpointStatement], restores: list[Restore]
) -> list[Finding]:
    """Chains that have a checkpoint and are missing; a restore explains one that the backup did not hold yet."""
    present = {chain_range.company for chain_range in ranges}
    newest: dict[str | None, CheckpointStatement] = {}
    for statement in statements:
        known = newest.get(statement.company)
        if statement.company not in present and (known is None or known.at < statement.at):
            newest[statement.company] = statement
    return [_missing(newest[company], restores) for company in sorted(newest, key=chain_of)]


def _missing(newest: CheckpointStatement, restores: list[Restore]) -> Finding:
    """`restores`: those of the installation's own chain, which name the chains that the backup held."""
    for each in restores:
        restored = each.statement
        in_backup = newest.company in (restored.kept or ())
        if restored.epoch > newest.epoch and restored.at >= newest.at and not in_backup:
            text = f"The restore to epoch {restored.epoch} left the whole chain behind."
            return Finding(FindingKind.RESTORED, newest.company, 1, text)
    return Finding(FindingKind.CUT, newest.company, 1, "The whole chain is missing.")


def _notes(chains: list[VerifiedChain], *, trusted_key: bool) -> list[Finding]:
    notes = [
        Finding(FindingKind.ERASED, each.company, None, f"The personal part of {each.erased} entries was erased.")
        for each in chains
        if each.erased
    ]
    if not trusted_key:
        text = "The checkpoints name the key that they were checked with: give the public key that you keep."
        notes.append(Finding(FindingKind.UNVOUCHED, None, None, text))
    return notes
