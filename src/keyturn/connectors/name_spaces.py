"""TODO."""

from collections.abc import Mapping

import msgspec


class NameSpaces(msgspec.Struct, frozen=True):
    """What the configured connectors say of their external ids."""

    by_connector: Mapping[str, str] = {}
    """The name space that all of a connector's vehicles share."""
    by_account: frozenset[str] = frozenset()
    """Connectors whose accounts each have names of their own."""

    def of(self, connector: str, account_id: str) -> str:
        """The name space of a vehicle behind this account."""
        shared = self.by_connector.get(connector, connector)
        return f"{shared} {account_id}" if self._is_by_account(connector, shared) else shared

    def _is_by_account(self, connector: str, shared: str) -> bool:
        """One connector that says otherwise of the same far side is enough: the wider name space is the safer one."""
        same = {name for name, space in self.by_connector.items() if space == shared} | {connector}
        return same <= self.by_account
