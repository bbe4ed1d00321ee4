"""Verifies the newest part of a server's own chains, at its start and once a day."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from keyturn.audit import chain_queries
from keyturn.audit.archive import missing_chains
from keyturn.audit.chain_queries import Head, RestoreEntry
from keyturn.audit.checkpoint_check import StoredCheckpoint, compare, compared_numbers, validate_checkpoints
from keyturn.audit.checkpoints import SignedStatement, Signer, installation_id, readable_checkpoints
from keyturn.audit.encoding import GENESIS, Link, chain_of, company_of
from keyturn.audit.findings import Faults, Finding
from keyturn.audit.restores import Restores, validate_restores
from keyturn.audit.verification import ChainRange, RangeResult, verify_range
from keyturn.store.port import ReadTx, Store, StoreUnavailable

CHAIN_FAULT, EXTERNAL_CHECKPOINT_FAULT = "chain", "kept checkpoints"
_PAUSE = 86_400.0

log = structlog.get_logger()


class IntegrityMonitor:
    """Verifies the last `entries` of each chain, its newest checkpoint, and those in the file `checkpoint_file`."""

    def __init__(
        self, store: Store, signer: Signer, entries: int, faults: Faults, checkpoint_file: Path | None = None
    ) -> None:
        self._store = store
        self._key = signer.checkpoint_key
        self._entries = entries
        self._faults = faults
        self._checkpoint_file = checkpoint_file

    async def run(self) -> None:
        """Until cancelled. Any exception of a verification is a fault: else a broken row could disable the monitor."""
        while True:
            try:
                await self.verify()
            except StoreUnavailable:
                log.warning("the audit chains could not be verified")
            except Exception as error:
                log.exception("the audit chains cannot be verified")
                await self._faults.report(CHAIN_FAULT, f"The audit chains cannot be verified: {error!r}.")
            await asyncio.sleep(_PAUSE)

    async def verify(self) -> None:
        """Verify once: report the first fault, or clear it."""
        # Before the chains: a checkpoint in the file is of an entry that is sealed already.
        external = await asyncio.to_thread(_read_checkpoints, self._checkpoint_file)
        installation, chains, entries = await self._store.read(_snapshot)
        restores = validate_restores(entries, [self._key], installation)
        if restores.findings:
            await self._faults.report(CHAIN_FAULT, restores.findings[0].text, restores.findings[0])
            return
        for head, newest in chains:
            if fault := await self._fault(installation, head, newest, restores):
                await self._faults.report(CHAIN_FAULT, fault.text, fault)
                return
        self._faults.clear(CHAIN_FAULT)
        await self._compare_external(external, installation, [head for head, _newest in chains], restores)

    async def _fault(
        self, installation: str, head: Head, newest: SignedStatement | None, restores: Restores
    ) -> Finding | None:
        first = max(1, head.number - self._entries + 1)
        prev = await self._store.read(partial(_hash_before, chain=head.chain, first=first))
        links = await self._links(head, first)
        chain_range = ChainRange(company_of(head.chain), first, head.number, prev, head.hash)
        statements = validate_checkpoints(
            [StoredCheckpoint(newest, head.chain)] if newest else [], [self._key], installation
        ).for_company(chain_range.company)
        own_restores = restores.for_company(chain_range.company)
        result = verify_range(chain_range, links, compared_numbers(statements, own_restores))
        faults = [result.fault, *compare(chain_range, result, statements, own_restores)]
        return next((fault for fault in faults if fault is not None and fault.is_fault), None)

    async def _compare_external(
        self, external: list[SignedStatement], installation: str, heads: list[Head], restores: Restores
    ) -> None:
        """Compare with the checkpoints in the file, which reveal a past that the database may have lost."""
        checkpoints = await asyncio.to_thread(
            validate_checkpoints, map(StoredCheckpoint, external), [self._key], installation
        )
        ranges = [ChainRange(company_of(head.chain), 1, head.number, GENESIS, head.hash) for head in heads]
        findings = missing_chains(ranges, checkpoints.statements, restores.for_company(None))
        for chain_range in ranges:
            statements = checkpoints.for_company(chain_range.company)
            own_restores = restores.for_company(chain_range.company)
            hashes = await self._hashes(chain_range, compared_numbers(statements, own_restores))
            findings += compare(
                chain_range, RangeResult(chain_range.last, chain_range.hash, hashes, 0, None), statements, own_restores
            )
        fault = next((finding for finding in findings if finding.is_fault), None)
        if fault is None:
            self._faults.clear(EXTERNAL_CHECKPOINT_FAULT)
        else:
            await self._faults.report(
                EXTERNAL_CHECKPOINT_FAULT, f"checkpoint_file contradicts the chains. {fault.text}", fault
            )

    async def _hashes(self, chain_range: ChainRange, numbers: Collection[int]) -> dict[int, bytes]:
        """By number, read page by page as in `_links`."""
        chain, hashes = chain_of(chain_range.company), dict[int, bytes]()
        waiting = sorted(numbers)
        while waiting:
            some, waiting = waiting[: chain_queries.PAGE], waiting[chain_queries.PAGE :]
            hashes |= await self._store.read(partial(chain_queries.hashes_at, chain=chain, numbers=some))
            await asyncio.sleep(0)
        return hashes

    async def _links(self, head: Head, first: int) -> list[Link]:
        """Read page by page, so that the event loop can run other tasks between pages."""
        links: list[Link] = []
        after = first - 1
        while found := await self._store.read(
            partial(chain_queries.page, chain=head.chain, after=after, last=head.number)
        ):
            links += found
            after = found[-1].number
            await asyncio.sleep(0)
        return links


def _read_checkpoints(path: Path | None) -> list[SignedStatement]:
    """Empty if the file is missing or cannot be read, which `CheckpointShipper` reports."""
    with suppress(OSError):
        return list(readable_checkpoints(path)) if path else []
    return []


def _snapshot(tx: ReadTx) -> tuple[str, list[tuple[Head, SignedStatement | None]], list[RestoreEntry]]:
    """The installation's id, its chains with their newest checkpoints, and restore entries, in one snapshot."""
    heads = chain_queries.heads(tx)
    chains = [(head, chain_queries.newest_checkpoint(tx, head.chain)) for head in heads]
    return installation_id(tx), chains, chain_queries.restore_entries(tx)


def _hash_before(tx: ReadTx, chain: str, first: int) -> bytes | None:
    return GENESIS if first == 1 else chain_queries.hash_at(tx, chain, first - 1)
