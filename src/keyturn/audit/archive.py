"""Where chains are verified without a server: a database file, or an export of it."""

from collections.abc import Collection, Iterable, Iterator
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


class Archive(Protocol):
    """Chains and checkpoints as somebody holds them."""

    installation: str
    complete: bool
    """Every chain of the installation should be there."""

    def ranges(self) -> list[ChainRange]:
        """Each chain, and how much of it is there."""
        ...

    def links(self, chain_range: ChainRange) -> Iterator[Link]:
        """Its entries in the order in which they are held."""
        ...

    def checkpoints(self) -> list[StoredCheckpoint]: ...

    def told(self) -> list[RestoreEntry]:
        """Entries of restores and acknowledgements, those before the ranges included."""
        ...

    def other_findings(self) -> list[Finding]:
        """What is found beside the chains."""
        ...


class VerifiedChain(msgspec.Struct, frozen=True):
    """One chain."""

    company: str | None
    first: int
    last: int
    erased: int
    checkpoint: int | None
    """Number of the newest entry that a checkpoint covers."""


class VerificationReport(msgspec.Struct, frozen=True):
    chains: tuple[VerifiedChain, ...]
    findings: tuple[Finding, ...]

    @property
    def unacknowledged(self) -> list[Finding]:
        """Restores that nobody in charge has said to know of."""
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

    def told(self) -> list[RestoreEntry]:
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
    kept: Iterable[SignedStatement] = (),
    acknowledged: Collection[int] = (),
) -> VerificationReport:
    """Walk through every chain, and compare it with the archive's checkpoints and those `kept` elsewhere.

    `keys` are the public keys to believe; None: those that the kept checkpoints name, or without them those that the
    archive's do, which proves less. `acknowledged` are
    epochs of restores that whoever verifies knows of.
    """
    kept = list(kept)
    if keys is None and kept:  # what was kept elsewhere knows the key better than what lies here
        keys = {key for signed in kept for key in named_key(signed)}
        vouched = False
    else:
        vouched = keys is not None
    testimony = validate_checkpoints([*archive.checkpoints(), *map(StoredCheckpoint, kept)], keys, archive.installation)
    heard = validate_restores(archive.told(), keys, archive.installation)
    findings = [*archive.other_findings(), *testimony.findings, *heard.findings, *heard.unacknowledged(acknowledged)]
    chains = []
    ranges = archive.ranges()
    for chain_range in ranges:
        statements = testimony.for_company(chain_range.company)
        restores = heard.for_company(chain_range.company)
        walked = verify_range(chain_range, archive.links(chain_range), compared_numbers(statements, restores))
        findings += [walked.fault] if walked.fault else []
        findings += compare(chain_range, walked, statements, restores)
        chains.append(_verified(chain_range, walked, statements))
    findings += missing_chains(ranges, testimony.statements, heard.for_company(None)) if archive.complete else []
    findings += _notes(chains, vouched=vouched or not (testimony.statements or heard.restores))
    return VerificationReport(tuple(chains), tuple(findings))


def _verified(chain_range: ChainRange, walked: RangeResult, statements: list[CheckpointStatement]) -> VerifiedChain:
    covered = max((each.number for each in statements if each.number <= walked.last), default=None)
    return VerifiedChain(chain_range.company, chain_range.first, walked.last, walked.erased, covered)


def missing_chains(
    ranges: list[ChainRange], statements: Iterable[CheckpointStatement], restores: list[Restore]
) -> list[Finding]:
    """Chains that have a checkpoint and are not there; one that no backup had yet was left behind by the restore."""
    there = {chain_range.company for chain_range in ranges}
    newest: dict[str | None, CheckpointStatement] = {}
    for statement in statements:
        known = newest.get(statement.company)
        if statement.company not in there and (known is None or known.at < statement.at):
            newest[statement.company] = statement
    return [_missing(newest[company], restores) for company in sorted(newest, key=chain_of)]


def _missing(newest: CheckpointStatement, restores: list[Restore]) -> Finding:
    """`restores` are those of the installation's own chain."""
    for each in restores:
        told = each.statement
        if told.epoch > newest.epoch and told.at >= newest.at and newest.company not in (told.kept or ()):
            text = f"The restore to epoch {told.epoch} left the whole chain behind."
            return Finding(FindingKind.RESTORED, newest.company, 1, text)
    return Finding(FindingKind.CUT, newest.company, 1, "The whole chain is missing.")


def _notes(chains: list[VerifiedChain], *, vouched: bool) -> list[Finding]:
    notes = [
        Finding(FindingKind.ERASED, each.company, None, f"The personal part of {each.erased} entries was erased.")
        for each in chains
        if each.erased
    ]
    if not vouched:
        text = "The checkpoints name the key that they were checked with: give the public key that you keep."
        notes.append(Finding(FindingKind.UNVOUCHED, None, None, text))
    return notes
