"""Aliases: former names and places of settings, which are still read; docs/upgrading.md has the table.

An error message names the place where the setting was written. The keys of ``[connectors.NAME.http]`` may also be
written directly below ``[connectors.NAME]``.
"""

from collections.abc import Mapping

from keyturn.config.settings import HttpSettings
from keyturn.config.validation import Assignment, ConfigError, KeyPath, dotted

RENAMED: dict[KeyPath, KeyPath] = {
    ("commands", "idempotency_life"): ("commands", "idempotency_lifetime"),
    ("confirmation", "life"): ("confirmation", "lifetime"),
    ("confirmation", "tries"): ("confirmation", "max_attempts"),
    ("tokens", "life"): ("tokens", "lifetime"),
}
"""Current path by former path."""
_CONNECTORS, _HTTP = "connectors", "http"


def current_path(path: KeyPath) -> KeyPath:
    """The current path of a setting, from its current or its former path."""
    if len(path) > 2 and path[0] == _CONNECTORS and path[2] in HttpSettings.__struct_fields__:
        return (*path[:2], _HTTP, *path[2:])
    return RENAMED.get(path, path)


def resolve_aliases(written: Mapping[KeyPath, Assignment]) -> dict[KeyPath, Assignment]:
    """The assignments of one source, by current path.

    Raises `ConfigError` where the source sets both the former and the current path.
    """
    found: dict[KeyPath, Assignment] = {}
    given_as: dict[KeyPath, KeyPath] = {}
    for path, assignment in written.items():
        now = current_path(path)
        if now in found:
            former = path if path != now else given_as[now]
            raise ConfigError(
                f"{dotted(former)}: given as {dotted(now)} too; leave one of them out ({assignment.source})."
            )
        found[now], given_as[now] = _placed(path, assignment), path
    return found


def written_path(path: KeyPath, written: Mapping[KeyPath, Assignment]) -> KeyPath:
    """The path of a setting as its file writes it; for a connector without ``http`` table, directly below its name."""
    if path in written:
        return written[path].written_as
    if path[:1] != (_CONNECTORS,) or path[2:3] != (_HTTP,) or len(path) == 3:
        return path
    table = path[:3]
    uses_table = any(place[:3] == table and each.written_as == place for place, each in written.items())
    return path if uses_table else (*path[:2], *path[3:])


def _placed(path: KeyPath, assignment: Assignment) -> Assignment:
    if path in RENAMED:
        return Assignment(assignment.value, f"{assignment.source}, as {dotted(path)}", RENAMED[path])
    return assignment._replace(written_as=path)
