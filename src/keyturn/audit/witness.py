"""What signed checkpoints say against a chain. Pure."""

from collections.abc import Collection, Iterable

import msgspec

from keyturn.audit.checkpoints import Signed, Statement
from keyturn.audit.findings import Finding, What
from keyturn.audit.verification import Stretch, Walked
from keyturn.clock import iso_time


class Filed(msgspec.Struct, frozen=True):
    """A checkpoint as it was found."""

    signed: Signed
    chain: str | None = None
    """The chain that it was filed under; None: it was found alone."""


class Testimony(msgspec.Struct, frozen=True):
    """Statements that can be believed, and what is wrong with the others."""

    statements: tuple[Statement, ...]
    findings: tuple[Finding, ...]

    def of(self, company: str | None) -> list[Statement]:
        """The chain's statements, oldest first."""
        own = [statement for statement in self.statements if statement.company == company]
        return sorted(own, key=lambda statement: (statement.epoch, statement.number))


def hear(filed: Iterable[Filed], keys: Collection[bytes] | None, installation: str) -> Testimony:
    """Believe what one of `keys` signed for this installation; None: the keys that the checkpoints themselves name.

    Of each chain all checkpoints are given, or those from a later one on.
    """
    statements: dict[str, Statement] = {}
    findings: list[Finding] = []
    for each in filed:
        statement = each.signed.read()
        if statement is None or not each.signed.signed_by(_named_key(each.signed) if keys is None else keys):
            findings.append(_forged(statement))
        elif statement.installation != installation or each.chain not in (None, statement.company or ""):
            findings.append(_swapped(statement))
        else:
            statements[each.signed.digest] = statement
    findings += _gaps(statements)
    return Testimony(tuple(statements.values()), tuple(dict.fromkeys(findings)))


def compare(stretch: Stretch, walked: Walked, statements: list[Statement]) -> list[Finding]:
    """What the statements of a chain, oldest first, say against it.

    After a restore the chain goes on from the backup: what was signed in an older epoch may be left behind.
    """
    newest_epoch = max((statement.epoch for statement in statements), default=0)
    findings = []
    for statement in statements:
        if not stretch.first <= statement.number or (statement.number > stretch.last and not stretch.ends_chain):
            continue
        finding = _contradiction(walked, statement)
        if finding is not None and statement.epoch < newest_epoch:
            text = f"A restore left entry {statement.number} of epoch {statement.epoch} behind."
            finding = Finding(What.RESTORED, statement.company, statement.number, text)
        if finding is not None:
            findings.append(finding)
    return findings


def _contradiction(walked: Walked, statement: Statement) -> Finding | None:
    told = f"The checkpoint of {iso_time(statement.at)} covers entry {statement.number}"
    if statement.number > walked.last:
        text = f"The tail is cut off behind entry {walked.last}. {told}."
        return Finding(What.CUT, statement.company, walked.last + 1, text)
    found = walked.hashes.get(statement.number)
    if found is None or found.hex() != statement.hash:
        text = f"The chain was rewritten at or before entry {statement.number}. {told} with another hash."
        return Finding(What.REWRITTEN, statement.company, statement.number, text)
    return None


def _named_key(signed: Signed) -> list[bytes]:
    try:
        return [bytes.fromhex(signed.key)]
    except ValueError:
        return []


def _forged(statement: Statement | None) -> Finding:
    if statement is None:
        return Finding(What.FORGED, None, None, "A checkpoint cannot be read.")
    text = f"The checkpoint at entry {statement.number} was not signed by this installation's key."
    return Finding(What.FORGED, statement.company, statement.number, text)


def _swapped(statement: Statement) -> Finding:
    text = f"The checkpoint at entry {statement.number} belongs to another chain or installation."
    return Finding(What.SWAPPED, statement.company, statement.number, text)


def _gaps(statements: dict[str, Statement]) -> list[Finding]:
    return [
        Finding(
            What.CHECKPOINT_REMOVED,
            statement.company,
            statement.number,
            f"The checkpoint before the one at entry {statement.number} is missing.",
        )
        for statement in statements.values()
        if statement.previous is not None and statement.previous not in statements
    ]
