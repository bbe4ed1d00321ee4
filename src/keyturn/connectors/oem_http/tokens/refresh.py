"""Refresh tokens that the OEM replaces at each use: the newest is used, and stored before the access token is used."""

import msgspec
import structlog

from keyturn.connectors.port import Account, CredentialKeeper

REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a credential's name

log = structlog.get_logger()


class _Chain(msgspec.Struct, frozen=True):
    used: frozenset[str]
    """What the newest one replaces."""
    newest: str
    kept: bool


class RefreshTokens:
    """By account. A used token is never sent again: many OEMs take that for theft and revoke all of them."""

    def __init__(self, keeper: CredentialKeeper | None) -> None:
        self._keeper = keeper
        self._chains: dict[str, _Chain] = {}

    def latest(self, account: Account) -> Account:
        """The account with the newest refresh token; one that an operator set meanwhile counts as newer."""
        chain = self._chains.get(account.id)
        if chain is None or account.credentials.get(REFRESH_TOKEN) not in chain.used:
            return account
        return _with(account, chain.newest)

    async def rotated(self, account: Account, newest: str | None) -> Account:
        """`account` after its refresh token was used, with the one that the OEM gave in exchange, if any."""
        used = account.credentials.get(REFRESH_TOKEN)
        chain = self._chains.get(account.id)
        if used is not None and newest is not None and newest != used:
            before = chain.used if chain and chain.newest == used else frozenset[str]()
            chain = self._chains[account.id] = _Chain(before | {used}, newest, kept=False)
            account = _with(account, newest)
        if chain and not chain.kept:
            await self._keep(account.id, chain)
        return account

    async def _keep(self, account_id: str, chain: _Chain) -> None:
        """Store it. Does not raise: the newest one is in memory, and storing is tried again with the next token."""
        if self._keeper is None:
            return
        try:
            await self._keeper.keep(account_id, REFRESH_TOKEN, chain.newest, chain.used)
        except Exception:
            log.exception("a new refresh token could not be kept; until it is, a restart needs a new one")
        else:
            self._chains[account_id] = msgspec.structs.replace(chain, kept=True)


def _with(account: Account, refresh_token: str) -> Account:
    return Account(account.id, {**account.credentials, REFRESH_TOKEN: refresh_token})
