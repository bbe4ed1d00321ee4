"""The watch: a server verifies the newest part of its own chains when it starts, and once a day."""

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
    """Looks at the last `entries` of each chain, at its newest checkpoint, and at those in the file `kept`."""

    def __init__(self, store: Store, signer: Signer, entries: int, faults: Faults, kept: Path | None = None) -> None:
        self._store = store
        self._key = signer.checkpoint_key
        self._entries = entries
        self._faults = faults
        self._kept = kept

    async def run(self) -> None:
        """For ever. A verification that fails in whatever way is a fault: nobody silences the watch by tripping it."""
        while True:
            try:
                await self.look()
            except StoreUnavailable:
                log.warning("the audit chains could not be verified")
            except Exception as error:
                log.exception("the audit chains cannot be verified")
                await self._faults.report(CHAIN_FAULT, f"The audit chains cannot be verified: {error!r}.")
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Verify once; a fault is reported, and over when nothing is wrong any more."""
        kept = await asyncio.to_thread(_read_checkpoints, self._kept)  # before the chains: they are never behind it
        installation, chains, told = await self._store.read(_overview)
        heard = validate_restores(told, [self._key], installation)
        if heard.findings:
            await self._faults.report(CHAIN_FAULT, heard.findings[0].text, heard.findings[0])
            return
        for head, newest in chains:
            if fault := await self._fault(installation, head, newest, heard):
                await self._faults.report(CHAIN_FAULT, fault.text, fault)
                return
        self._faults.clear(CHAIN_FAULT)
        await self._compare_kept(kept, installation, [head for head, _newest in chains], heard)

    async def _fault(
        self, installation: str, head: Head, newest: SignedStatement | None, heard: Restores
    ) -> Finding | None:
        first = max(1, head.number - self._entries + 1)
        prev = await self._store.read(partial(_hash_before, chain=head.chain, first=first))
        links = await self._links(head, first)
        chain_range = ChainRange(company_of(head.chain), first, head.number, prev, head.hash)
        statements = validate_checkpoints(
            [StoredCheckpoint(newest, head.chain)] if newest else [], [self._key], installation
        ).for_company(chain_range.company)
        restores = heard.for_company(chain_range.company)
        walked = verify_range(chain_range, links, compared_numbers(statements, restores))
        faults = [walked.fault, *compare(chain_range, walked, statements, restores)]
        return next((fault for fault in faults if fault is not None and fault.is_fault), None)

    async def _compare_kept(
        self, kept: list[SignedStatement], installation: str, heads: list[Head], heard: Restores
    ) -> None:
        """The chains with the checkpoints that left by file: they know a past that the database may not."""
        testimony = await asyncio.to_thread(
            validate_checkpoints, map(StoredCheckpoint, kept), [self._key], installation
        )
        ranges = [ChainRange(company_of(head.chain), 1, head.number, GENESIS, head.hash) for head in heads]
        findings = missing_chains(ranges, testimony.statements, heard.for_company(None))
        for chain_range in ranges:
            statements, restores = testimony.for_company(chain_range.company), heard.for_company(chain_range.company)
            hashes = await self._hashes(chain_range, compared_numbers(statements, restores))
            findings += compare(
                chain_range, RangeResult(chain_range.last, chain_range.hash, hashes, 0, None), statements, restores
            )
        fault = next((finding for finding in findings if finding.is_fault), None)
        if fault is None:
            self._faults.clear(EXTERNAL_CHECKPOINT_FAULT)
        else:
            await self._faults.report(EXTERNAL_CHECKPOINT_FAULT, f"checkpoint_file says otherwise. {fault.text}", fault)

    async def _hashes(self, chain_range: ChainRange, numbers: Collection[int]) -> dict[int, bytes]:
        """Page by page, as `_links`."""
        chain, hashes = chain_of(chain_range.company), dict[int, bytes]()
        waiting = sorted(numbers)
        while waiting:
            some, waiting = waiting[: chain_queries.PAGE], waiting[chain_queries.PAGE :]
            hashes |= await self._store.read(partial(chain_queries.hashes_at, chain=chain, numbers=some))
            await asyncio.sleep(0)
        return hashes

    async def _links(self, head: Head, first: int) -> list[Link]:
        """Page by page, so that the event loop serves others in between."""
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
    """Nothing where there is no such file yet; one that cannot be read is the courier's to tell."""
    with suppress(OSError):
        return list(readable_checkpoints(path)) if path else []
    return []


def _overview(tx: ReadTx) -> tuple[str, list[tuple[Head, SignedStatement | None]], list[RestoreEntry]]:
    """Whose chains these are, each with its newest checkpoint, and their restores, as they are at one moment."""
    heads = chain_queries.heads(tx)
    chains = [(head, chain_queries.newest_checkpoint(tx, head.chain)) for head in heads]
    return installation_id(tx), chains, chain_queries.restore_entries(tx)


def _hash_before(tx: ReadTx, chain: str, first: int) -> bytes | None:
    return GENESIS if first == 1 else chain_queries.hash_at(tx, chain, first - 1)
