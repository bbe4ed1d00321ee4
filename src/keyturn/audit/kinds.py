"""Kinds of audit entries: all that are written, and the former names of those that were renamed.

An entry keeps the kind that it was stored with, because its hash covers it. Code that shows or filters entries passes
the kind through `current`; sealing, verification and export use the stored kind. See `docs/upgrading.md`.
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
"""The present kind by the former one. A former kind is never reused."""
_FORMER = {new: old for old, new in RENAMED.items()}


def current(kind: str) -> str:
    """The present name of a kind, given by its present or its former name."""
    return RENAMED.get(kind, kind)


def former(kind: str) -> str:
    """The first name of a kind, which receivers of alerts expect."""
    return _FORMER.get(kind, kind)


def _kinds(subject: str, deeds: Iterable[str]) -> frozenset[str]:
    return frozenset(f"{subject}.{deed}" for deed in deeds)


KINDS: frozenset[str] = frozenset().union(
    _kinds("account", ("added", "changed", "credentials_proven", "former_credentials_dropped")),
    _kinds("application", ("added", "changed", "client_secret_rotated", "sign_secret_added", "sign_secret_retired")),
    _kinds("audit", ("acknowledged",)),
    _kinds("backup", ("made", "old", "unverified")),
    _kinds("chain", ("checkpoint", "fault")),
    _kinds("change", ("applied", "approved", "collected", "expired", "extended", "failed", "proposed", "withdrawn")),
    _kinds("clock", ("accepted", "fault", "recovered")),
    _kinds("command", ("Confirming", "AwaitingApproval", "Queued", "Dispatching", "Accepted", "Unknown", "Executed")),
    _kinds("command", ("Verified", "Refused", "Failed", "Expired", "Cancelled")),
    _kinds("command", ("coalesced", "contradicted", "found", "held_back", "registered", "revealed", "unverified")),
    _kinds("company", ("added", "changed")),
    _kinds("consent", ("given",)),
    _kinds("ignition", ("refusals", "refused")),
    _kinds("immobilisation", ("closed", "confirmed", "let_go", "notice", "opened", "reminder")),
    _kinds("keep_enabling", ("ended", "started")),
    _kinds("limit", ("lifted", "tripped")),
    _kinds("operator", ("added", "set", "sign_in_refused", "signed_in", "unwatched")),
    _kinds("plan", ("added", "changed")),
    _kinds("policy", ("loosened", "tightened")),
    _kinds("store", ("restored",)),
    _kinds("switch", ("activated", "deactivated", "ended")),
    _kinds("vehicle", ("added", "changed", "identity_conflict", "identity_conflict_cleared")),
)
"""Every kind that is written."""
