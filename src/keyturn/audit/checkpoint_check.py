"""Validates signed checkpoints and compares them with a chain. Pure functions."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from keyturn.audit.checkpoints import CheckpointStatement, SignedStatement, named_key
from keyturn.audit.findings import Finding, FindingKind
from keyturn.audit.restores import Restore
from keyturn.audit.verification import ChainRange, RangeResult
from keyturn.clock import iso_time


class StoredCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint and the chain under which it is stored."""

    signed: SignedStatement
    chain: str | None = None
    """The chain under which it is stored; None: it comes from a file of checkpoints."""


class TrustedCheckpoints(msgspec.Struct, frozen=True):
    """Statements with a valid signature, and findings about the others."""

    statements: tuple[CheckpointStatement, ...]
    findings: tuple[Finding, ...]

    def for_company(self, company: str | None) -> list[CheckpointStatement]:
        """The chain's statements, oldest first."""
        own = [statement for statement in self.statements if statement.company == company]
        return sorted(own, key=lambda statement: (statement.epoch, statement.number))


def validate_checkpoints(
    stored: Iterable[StoredCheckpoint], keys: Collection[bytes] | None, installation: str
) -> TrustedCheckpoints:
    """Accept what one of `keys` signed for this installation; None: the key that each checkpoint names.

    `stored` has all checkpoints of each chain, or all from some checkpoint on.
    """
    statements: dict[str, CheckpointStatement] = {}
    findings: list[Finding] = []
    for each in stored:
        statement = each.signed.read()
        if statement is None or not each.signed.signed_by(named_key(each.signed) if keys is None else keys):
            findings.append(_forged(statement))
        elif statement.installation != installation or each.chain not in (None, statement.company or ""):
            findings.append(_swapped(statement))
        else:
            statements[each.signed.digest] = statement
    findings += _missing_checkpoints(statements)
    return TrustedCheckpoints(tuple(statements.values()), tuple(dict.fromkeys(findings)))


def compare(
    chain_range: ChainRange, result: RangeResult, statements: list[CheckpointStatement], restores: list[Restore]
) -> list[Finding]:
    """Findings where a chain differs from its checkpoints (oldest first) and restores (in the chain's order).

    A restore explains a checkpoint of an older epoch that lies beyond the fork which the restore names; nothing else.
    """
    findings = [*_misplaced_restores(chain_range, result, restores), *_forks(statements, restores)]
    for statement in statements:
        if not chain_range.first <= statement.number or (
            statement.number > chain_range.last and not chain_range.ends_chain
        ):
            continue
        finding = _contradiction(result, statement)
        restore = next((each for each in restores if each.statement.epoch > statement.epoch), None)
        if restore is not None and statement.at > restore.statement.at:
            text = f"Epoch {statement.epoch} was signed after the restore to epoch {restore.statement.epoch}."
            finding = Finding(FindingKind.REWRITTEN, statement.company, statement.number, text)
        elif restore is not None and statement.number > restore.fork:
            text = (
                f"The restore to epoch {restore.statement.epoch} left entry {statement.number} of epoch "
                f"{statement.epoch} behind: it went on from entry {restore.fork}."
            )
            finding = Finding(FindingKind.RESTORED, statement.company, statement.number, text)
        if finding is not None:
            findings.append(finding)
    return findings


def compared_numbers(statements: list[CheckpointStatement], restores: list[Restore]) -> set[int]:
    """Numbers of the entries whose hashes `compare` needs."""
    return {statement.number for statement in statements} | {restore.fork for restore in restores}


def _misplaced_restores(chain_range: ChainRange, result: RangeResult, restores: list[Restore]) -> Iterator[Finding]:
    """Restores that cannot belong to this chain at their position."""
    epoch = 0
    for restore in restores:
        found, company = restore.statement.found, chain_range.company
        if restore.fork >= restore.entry or restore.statement.epoch <= epoch:
            text = f"The restore of entry {restore.entry} cannot have been there."
            yield Finding(FindingKind.REORDERED, company, restore.entry, text)
        elif restore.fork >= max(1, chain_range.first) and _hash_at(result, restore.fork) != found.hash:
            text = (
                f"The chain was rewritten at or before entry {restore.fork}: the restore to epoch "
                f"{restore.statement.epoch} found it with another hash."
            )
            yield Finding(FindingKind.REWRITTEN, company, restore.fork, text)
        epoch = restore.statement.epoch


def _forks(statements: list[CheckpointStatement], restores: list[Restore]) -> Iterator[Finding]:
    """Two checkpoints that name the same previous one; only a restore makes the second, in a newer epoch."""
    successors: dict[str | None, CheckpointStatement] = {}
    for statement in statements:
        other = successors.get(statement.previous)
        successors[statement.previous] = statement
        if other is None:
            continue
        if other.epoch == statement.epoch or all(other.epoch >= each.statement.epoch for each in restores):
            text = f"The checkpoints at entries {other.number} and {statement.number} follow the same one."
            yield Finding(FindingKind.FORKED, statement.company, statement.number, text)


def _hash_at(result: RangeResult, number: int) -> str | None:
    found = result.hashes.get(number)
    return None if found is None else found.hex()


def _contradiction(result: RangeResult, statement: CheckpointStatement) -> Finding | None:
    covered = f"The checkpoint of {iso_time(statement.at)} covers entry {statement.number}"
    if statement.number > result.last:
        text = f"The tail is cut off after entry {result.last}. {covered}."
        return Finding(FindingKind.CUT, statement.company, result.last + 1, text)
    if _hash_at(result, statement.number) != statement.hash:
        text = f"The chain was rewritten at or before entry {statement.number}. {covered} with another hash."
        return Finding(FindingKind.REWRITTEN, statement.company, statement.number, text)
    return None


def _forged(statement: CheckpointStatement | None) -> Finding:
    if statement is None:
        return Finding(FindingKind.FORGED, None, None, "A checkpoint cannot be read.")
    text = f"The checkpoint at entry {statement.number} was not signed by this installation's key."
    return Finding(FindingKind.FORGED, statement.company, statement.number, text)


def _swapped(statement: CheckpointStatement) -> Finding:
    text = f"The checkpoint at entry {statement.number} belongs to another chain or installation."
    return Finding(FindingKind.SWAPPED, statement.company, statement.number, text)


def _missing_checkpoints(statements: dict[str, CheckpointStatement]) -> list[Finding]:
    return [
        Finding(
            FindingKind.CHECKPOINT_REMOVED,
            statement.company,
            statement.number,
            f"The checkpoint before the one at entry {statement.number} is missing.",
        )
        for statement in statements.values()
        if statement.previous is not None and statement.previous not in statements
    ]
