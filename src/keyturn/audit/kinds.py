"""Kinds of audit entries: all that are written, and the former names of those that were renamed.

An entry keeps the kind that it was stored with, because its hash covers it. Whoever shows or filters entries reads the
kind through `current`; sealing, verification and export take the stored one. `docs/upgrading.md` has the table.
"""

from collections.abc import Iterable

RENAMED = {
    "change.lapsed": "change.expired",
    "change.prolonged": "change.extended",
    "clock.right": "clock.recovered",
    "command.joined": "command.coalesced",
    "switch.released": "switch.deactivated",
    "switch.thrown": "switch.activated",
    "vehicle.doubt_cleared": "vehicle.identity_conflict_cleared",
    "vehicle.doubted": "vehicle.identity_conflict",
}
"""The present kind by the former one. A former kind is never given to something else."""
_FORMER = {new: old for old, new in RENAMED.items()}


def current(kind: str) -> str:
    """The present name of a kind, whether it is given by that name or by its former one."""
    return RENAMED.get(kind, kind)


def former(kind: str) -> str:
    """The name that a kind had first, which receivers of alerts were made for."""
    return _FORMER.get(kind, kind)


def _under(subject: str, deeds: Iterable[str]) -> frozenset[str]:
    return frozenset(f"{subject}.{deed}" for deed in deeds)


KINDS: frozenset[str] = frozenset().union(
    _under("account", ("added", "changed", "credentials_proven", "former_credentials_dropped")),
    _under("application", ("added", "changed", "client_secret_rotated", "sign_secret_added", "sign_secret_retired")),
    _under("audit", ("acknowledged",)),
    _under("backup", ("made", "old", "unverified")),
    _under("chain", ("checkpoint", "fault")),
    _under("change", ("applied", "approved", "collected", "expired", "extended", "failed", "proposed", "withdrawn")),
    _under("clock", ("accepted", "fault", "recovered")),
    _under("command", ("Confirming", "AwaitingApproval", "Queued", "Dispatching", "Accepted", "Unknown", "Executed")),
    _under("command", ("Verified", "Refused", "Failed", "Expired", "Cancelled")),
    _under("command", ("coalesced", "contradicted", "found", "held_back", "registered", "revealed", "unverified")),
    _under("company", ("added", "changed")),
    _under("consent", ("given",)),
    _under("ignition", ("refusals", "refused")),
    _under("immobilisation", ("closed", "confirmed", "let_go", "notice", "opened", "reminder")),
    _under("keep_enabling", ("ended", "started")),
    _under("limit", ("lifted", "tripped")),
    _under("operator", ("added", "set", "sign_in_refused", "signed_in", "unwatched")),
    _under("plan", ("added", "changed")),
    _under("policy", ("loosened", "tightened")),
    _under("store", ("restored",)),
    _under("switch", ("activated", "deactivated", "ended")),
    _under("vehicle", ("added", "changed", "identity_conflict", "identity_conflict_cleared")),
)
"""Every kind that is written."""
