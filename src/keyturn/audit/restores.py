"""Records and validates restores: a signed statement for each chain, and its acknowledgement by an operator.

A restored chain continues from its newest entry in the backup, the fork. Earlier checkpoints may be contradicted only
beyond the fork that the statement names. Without the key file such an entry can be written, but not signed.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from keyturn.audit import chain_queries, journal
from keyturn.audit.chain_queries import ACKNOWLEDGED, RESTORED, RestoreEntry
from keyturn.audit.checkpoints import (  # fmt: skip
    LATEST,
    SignedStatement,
    Signer,
    claim_installation,
    installation_id,
    make_checkpoints_now,
    named_key,
    store_epoch,
)
from keyturn.audit.encoding import GENESIS, INSTALLATION_CHAIN, company_of
from keyturn.audit.findings import Finding, FindingKind
from keyturn.audit.sealing import seal
from keyturn.store.port import Tx

RESTORE_FORMAT = "keyturn-restore-1"
ACKNOWLEDGEMENT_FORMAT = "keyturn-acknowledgement-1"

_SET_EPOCH = """
INSERT INTO store_fact (name, value) VALUES ('epoch', :epoch) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


class RestoreNotRecorded(Exception):
    """A restored chain does not contain the entry about the restore."""


class ChainPosition(msgspec.Struct, frozen=True):
    """The newest sealed entry of a chain."""

    epoch: int
    number: int
    hash: str


class RestoreStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chain continues in a new epoch from the position that a backup had."""

    at: Annotated[int, Meta(ge=0, le=LATEST)]
    company: str | None
    epoch: int
    """The new epoch."""
    format: str
    found: ChainPosition
    """The chain's newest sealed entry in the backup."""
    installation: str
    kept: tuple[str, ...] | None
    """In the installation's chain: the companies that have a chain in the backup."""
    replaced: ChainPosition | None
    """The same in the database that was replaced, if it could be read."""


class Acknowledgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator knows of the restore to this epoch."""

    at: int
    company: str | None
    epoch: int
    format: str
    installation: str


class Restore(msgspec.Struct, frozen=True):
    """A validly signed restore, and the number of its entry."""

    statement: RestoreStatement
    entry: int

    @property
    def fork(self) -> int:
        """Number of the last entry that the chain before and the chain after the restore have in common."""
        return self.statement.found.number


class Restores(msgspec.Struct, frozen=True):
    """The restores of all chains, acknowledged epochs by company, and findings about forged entries."""

    restores: tuple[Restore, ...]
    acknowledged: frozenset[tuple[str | None, int]]
    findings: tuple[Finding, ...]

    def for_company(self, company: str | None) -> list[Restore]:
        """The restores of one chain, in the order of their entries."""
        return sorted((each for each in self.restores if each.statement.company == company), key=lambda one: one.entry)

    def unacknowledged(self, known: Collection[int]) -> list[Finding]:
        """A finding for each restore without acknowledgement; `known`: epochs that the caller knows of."""
        found = []
        for each in self.restores:
            company, epoch = each.statement.company, each.statement.epoch
            if epoch not in known and (company, epoch) not in self.acknowledged:
                text = f"A restore to epoch {epoch} is not acknowledged: keyturn audit acknowledge {epoch}"
                found.append(Finding(FindingKind.UNACKNOWLEDGED, company, each.entry, text))
        return found


def validate_restores(entries: Iterable[RestoreEntry], keys: Collection[bytes] | None, installation: str) -> Restores:
    """Accept what one of `keys` signed for this chain of this installation; None: the key that each entry names."""
    restores: list[Restore] = []
    acknowledged: set[tuple[str | None, int]] = set()
    findings: list[Finding] = []
    for each in entries:
        kind = RestoreStatement if each.kind == RESTORED else Acknowledgement
        statement = _valid_statement(each, kind, keys, installation)
        if isinstance(statement, RestoreStatement):
            restores.append(Restore(statement, each.number))
        elif isinstance(statement, Acknowledgement):
            acknowledged.add((statement.company, statement.epoch))
        else:
            text = f"The entry {each.number} ({each.kind}) was not signed with this installation's key."
            findings.append(Finding(FindingKind.FORGED, each.company, each.number, text))
    return Restores(tuple(restores), frozenset(acknowledged), tuple(findings))


def record_restore(
    tx: Tx, signer: Signer, *, epoch: int, replaced: Mapping[str, ChainPosition], actor: str, **body: Any
) -> None:
    """Raise the epoch, write `store.restored` into each chain, seal it and make its checkpoint at once.

    `replaced`: heads of the database that is replaced, by chain. `body`: further members that describe the backup.
    Raises RestoreNotRecorded, and the errors of a database that Keyturn did not write.
    """
    claim_installation(tx)
    before = store_epoch(tx)
    places = {head.chain: ChainPosition(before, head.number, head.hash.hex()) for head in chain_queries.heads(tx)}
    places.setdefault(INSTALLATION_CHAIN, ChainPosition(before, 0, GENESIS.hex()))
    tx.run(_SET_EPOCH, epoch=str(epoch))
    kept = tuple(chain for chain in places if chain != INSTALLATION_CHAIN)
    for chain, found in places.items():
        statement = RestoreStatement(
            at=tx.now,
            company=company_of(chain),
            epoch=epoch,
            format=RESTORE_FORMAT,
            found=found,
            installation=installation_id(tx),
            kept=kept if chain == INSTALLATION_CHAIN else None,
            replaced=replaced.get(chain),
        )
        _record(tx, signer, RESTORED, statement, actor, **body)
    make_checkpoints_now(tx, signer)
    while seal(tx):
        pass
    restores = validate_restores(chain_queries.restore_entries(tx), [signer.checkpoint_key], installation_id(tx))
    recorded = {each.statement.company for each in restores.restores if each.statement.epoch == epoch}
    if recorded != {company_of(chain) for chain in places}:
        raise RestoreNotRecorded("its chains do not accept the entry")


def acknowledge(tx: Tx, signer: Signer, epoch: int, actor: str) -> int:
    """Record the acknowledgement in each chain that has a restore to this epoch; returns their number.

    The entries are sealed at once. Raises ChainForked.
    """
    keys, installation = [signer.checkpoint_key], installation_id(tx)
    restores = validate_restores(chain_queries.restore_entries(tx), keys, installation)
    companies = [each.statement.company for each in restores.restores if each.statement.epoch == epoch]
    for company in companies:
        if (company, epoch) not in restores.acknowledged:
            statement = Acknowledgement(tx.now, company, epoch, ACKNOWLEDGEMENT_FORMAT, installation)
            _record(tx, signer, ACKNOWLEDGED, statement, actor)
    while companies and seal(tx):
        pass
    return len(companies)


def _record(
    tx: Tx, signer: Signer, kind: str, statement: RestoreStatement | Acknowledgement, actor: str, **body: Any
) -> None:
    text = msgspec.json.encode(statement)
    signed = SignedStatement(text.decode(), signer.sign_checkpoint(text).hex(), signer.checkpoint_key.hex())
    journal.record(
        tx,
        kind,
        company_id=statement.company,
        actor=actor,
        epoch=statement.epoch,
        statement=signed.statement,
        signature=signed.signature,
        key=signed.key,
        **body,
    )


def _valid_statement(
    entry: RestoreEntry,
    kind: type[RestoreStatement] | type[Acknowledgement],
    keys: Collection[bytes] | None,
    installation: str,
) -> RestoreStatement | Acknowledgement | None:
    """The statement; None: it is malformed, about another chain, or not signed with one of the keys."""
    try:
        signed = msgspec.json.decode(entry.body, type=SignedStatement)
        statement = msgspec.json.decode(signed.statement, type=kind)
    except msgspec.DecodeError:
        return None
    expected = RESTORE_FORMAT if entry.kind == RESTORED else ACKNOWLEDGEMENT_FORMAT
    if (statement.format, statement.company, statement.installation) != (expected, entry.company, installation):
        return None
    return statement if signed.signed_by(named_key(signed) if keys is None else keys) else None
